//! `crierd export posts` and `crierd import posts`: what both share.

use clap::ValueEnum;

/// How posts stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table with a header; docs/cli.md has the columns
    Csv,
    /// A calendar, iCalendar: an event for each post
    Ics,
}

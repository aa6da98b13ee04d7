//! What people type into a terminal: posts, the calendar, what happens now, tables and calendars in and out.

mod accounts;
mod agenda;
mod attached;
pub(crate) mod calendar;
mod entry;
pub(crate) mod export;
mod fetch;
mod files;
mod ical;
pub(crate) mod import;
mod mark;
mod out;
pub(crate) mod post;
mod record;
pub(crate) mod status;
mod table;
mod terminal;
mod text;
mod when;
pub(crate) mod zone;

pub(crate) use entry::{Entry, Full};
pub(crate) use mark::mark;

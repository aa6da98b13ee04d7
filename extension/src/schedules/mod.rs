//! Schedules: posts that come into being by themselves, at times that are given as wall time of a zone.

mod advance;
mod ahead;
mod coming;
mod create;
mod evergreen;
mod get;
mod items;
mod planned;
mod preview;
mod state;
mod stored;
mod template;
mod update;
mod when;

pub(crate) use advance::{next_due, run_due};
pub(crate) use planned::planned;
pub(crate) use stored::find;

//! What people type into a terminal: posts, the calendar, what happens now, tables and calendars in and out.

mod agenda;
mod entry;
mod ical;
mod mark;
mod record;
mod table;
mod terminal;
mod text;
mod when;
mod zone;

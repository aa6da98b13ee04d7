//! Analytics: what becomes of what is published, as those tell who see it. `docs/analytics.md` explains it.

mod query;
mod reading;
mod record;

//! What `docs/statistics.md` describes. The functions people call are in `sql/install/s2*.sql`; here is what they can't do
//! in SQL: read the queue's memory, work with sketches, and tell who asks.

mod memory;
mod next_xid;
mod sketch;
mod users;
mod workspace;

//! What was used of the limits, written down by claims so that they hold across a restart.

use crier_working_set::{Full, Gated, Ix, Node};
use pgrx::Uuid;

use crate::clock;
use crate::error::Result;
use crate::limits::no_room;
use crate::memory::{self, Memory};
use crate::plans::{Statement, statement};
use crate::queue::held::{id_of, uuid_of};

const RECORD: Statement = statement!(up "limits/record_use");
const LOAD: Statement = statement!(up "limits/load_use");

/// The longest window that the tables admit.
const LONGEST: i64 = 31 * 24 * 60 * 60 * 1_000_000;
const MINUTE: i64 = 60 * 1_000_000;

/// An action of an account that was done some times at a time, or taken back.
pub(crate) struct Use {
    account: Uuid,
    action: String,
    at: i64,
    count: i32,
}

impl Use {
    pub(crate) fn new(account: Uuid, action: &str, at: i64, count: i32) -> Self {
        Self { account, action: action.to_owned(), at, count }
    }

    /// What a claim used for a job, and what the job had used before, in an attempt that may have done something.
    pub(crate) fn of_claim(memory: &Memory<'_>, ix: Ix, before: &Node) -> Vec<Self> {
        let Some((_, _, action)) = memory.set.limited(ix) else { return vec![] };
        let account = uuid_of(memory.set.account(ix));
        let taken = Self::new(account, action, memory.set.get(ix).used_at, 1);
        let back = (before.used_at != 0).then(|| Self::new(account, action, before.used_at, -1));
        std::iter::once(taken).chain(back).collect()
    }
}

/// Writes down what was used, one row for each time.
pub(crate) fn record(mut uses: Vec<Use>) -> Result<()> {
    uses.sort_by_key(|used| used.at);
    for uses in uses.chunk_by(|a, b| a.at == b.at) {
        RECORD.run_only(&[
            uses[0].at.into(),
            uses.iter().map(|used| used.account).collect::<Vec<_>>().into(),
            uses.iter().map(|used| used.action.as_str()).collect::<Vec<_>>().into(),
            uses.iter().map(|used| used.count).collect::<Vec<_>>().into(),
        ])?;
    }
    Ok(())
}

/// Counts what was used before the server started. Each counts as late in its minute as it may have happened.
pub(crate) fn load() -> Result<()> {
    let now = clock::now().0;
    let used = LOAD.committed(&[(now - LONGEST).into()], |row| {
        let end = (row.need::<i64>(4)? + 1) * MINUTE - 1;
        let count = u32::try_from(row.need::<i64>(5)?).unwrap_or(u32::MAX);
        Ok((id_of(row.need(1)?), row.need::<String>(2)?, row.need::<String>(3)?, end, count))
    })?;
    memory::with(|memory| {
        let (set, db) = (&mut memory.set, memory.db);
        set.forget_usage(db);
        for (account, platform, action, at, count) in &used {
            for what in [Gated::Action(*account, platform, action), Gated::Shared(platform, action)] {
                set.remember(db, what, *at, *count, now)?;
            }
        }
        Ok::<(), Full>(())
    })?
    .map_err(no_room)
}

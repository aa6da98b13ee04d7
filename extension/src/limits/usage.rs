//! What was used of the limits, written down by claims so that they hold across a restart.

use crier_working_set::{Gated, Ix, Node, SPEND};
use pgrx::Uuid;
use pgrx::datum::Interval;

use crate::clock;
use crate::error::Result;
use crate::memory::{self, Memory};
use crate::plans::{Statement, statement};
use crate::queue::held::{id_of, uuid_of};

const RECORD: Statement = statement!(up "limits/record_use");
const RECORD_EACH: Statement = statement!(up "limits/record_uses");
const LONGEST: Statement = statement!(up "limits/longest_window");
const LOAD: Statement = statement!(up "limits/load_use");

const MINUTE: i64 = 60 * 1_000_000;
/// Read at once.
const STEP: i64 = 60 * MINUTE;
/// Counted under the lock at once.
const AT_ONCE: usize = 2_000;

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
        let Some(action) = memory.set.limited(ix) else { return vec![] };
        let account = uuid_of(memory.set.account(ix));
        let Node { used_at, cost, .. } = memory.set.get(ix);
        let money = |cost: u32| i32::try_from(cost).unwrap_or(i32::MAX);
        let mut uses = vec![Self::new(account, action, used_at, 1)];
        if cost > 0 {
            uses.push(Self::new(account, SPEND, used_at, money(cost)));
        }
        if before.used_at > 0 {
            uses.push(Self::new(account, action, before.used_at, -1));
        }
        if before.used_at > 0 && before.cost > 0 {
            uses.push(Self::new(account, SPEND, before.used_at, -money(before.cost)));
        }
        uses
    }
}

/// Writes down what was used or taken back: one row for what a claim used, otherwise one for each.
pub(crate) fn record(uses: &[Use]) -> Result<()> {
    let Some(first) = uses.first() else { return Ok(()) };
    fn column<'b, T>(uses: &'b [Use], of: impl Fn(&'b Use) -> T) -> Vec<T> {
        uses.iter().map(of).collect()
    }
    let accounts = column(uses, |used| used.account);
    let actions = column(uses, |used| used.action.as_str());
    let counts = column(uses, |used| used.count);
    if uses.iter().all(|used| used.at == first.at) {
        RECORD.run_only(&[first.at.into(), accounts.into(), actions.into(), counts.into()])
    } else {
        let times = column(uses, |used| used.at);
        RECORD_EACH.run_only(&[times.into(), accounts.into(), actions.into(), counts.into()])
    }
}

/// Counts what was used before the server started, as far back as the longest window reaches. Each counts as late in its
/// part of the time as it may have happened.
pub(crate) fn load() -> Result<()> {
    if memory::with(|memory| memory.set.db(memory.db).usage)? {
        return Ok(());
    }
    let now = clock::now().0;
    let longest = LONGEST.committed(&[], |row| row.get::<Interval>(1))?;
    let longest = longest.into_iter().flatten().next().and_then(|span| clock::micros(&span)).unwrap_or(0);
    memory::with(|memory| memory.set.forget_usage(memory.db))?;
    let (mut from, mut missing) = (now.saturating_sub(longest), 0);
    while from < now {
        let to = from.saturating_add(STEP);
        // what is not recent needs not be known to the minute
        let part = if now - from > 3 * STEP { 20 * MINUTE } else { MINUTE };
        let used = LOAD.committed(&[from.into(), to.into(), part.into()], |row| {
            let end = (row.need::<i64>(4)? + 1) * part - 1;
            let count = u32::try_from(row.need::<i64>(5)?).unwrap_or(u32::MAX);
            Ok((id_of(row.need(1)?), row.need::<String>(2)?, row.need::<String>(3)?, end, count))
        })?;
        for used in used.chunks(AT_ONCE) {
            missing += memory::with(|memory| {
                let (set, db) = (&mut memory.set, memory.db);
                let counted = used.iter().map(|(account, platform, action, at, count)| {
                    set.remember(db, Gated::Action(*account, platform, action), *at, *count, now)?;
                    set.remember(db, Gated::Shared(platform, action), *at, *count, now)
                });
                counted.filter(Result::is_err).count()
            })?;
        }
        pgrx::check_for_interrupts!();
        from = to;
    }
    if missing > 0 {
        pgrx::warning!(
            "crier: what was used of {missing} limits does not fit into memory: raise crier.queue_capacity"
        );
    }
    memory::with(|memory| memory.set.db_mut(memory.db).usage = true)
}

//! Posts are made up to an hour ahead of their time. What changes a schedule takes those back and has them made again.

use crier_core::rights::Role;
use pgrx::Uuid;

use super::advance;
use super::stored::Schedule;
use crate::error::{CrierError, Result};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::posts::{self, TakenBack};

const AHEAD: Statement = statement!(up "schedules/ahead");
const FORGET_OCCURRENCE: Statement = statement!(up "schedules/forget_occurrence");
const SET_STATE: Statement = statement!(up "schedules/set_state");

/// What a call makes of one schedule.
const AT_ONCE: usize = 1_000;

impl Schedule {
    /// Takes back what was made of occurrences that have not come yet. Posts that somebody has changed stay as they are, or are
    /// canceled where the schedule `stops`.
    pub(super) fn take_back(&self, stops: bool, least: Role, now: Timestamptz) -> Result<()> {
        let key = [self.workspace.into(), self.id.into(), now.into()];
        let ahead = AHEAD.newest(&key, |row| {
            Ok((row.need::<Timestamptz>(1)?, row.need::<Uuid>(2)?, row.need::<bool>(3)?))
        })?;
        for (at, post, is_changed) in ahead {
            if is_changed && !stops {
                continue;
            }
            if posts::take_back(post, is_changed, least, now)? == TakenBack::Gone {
                FORGET_OCCURRENCE.run_only(&[self.workspace.into(), self.id.into(), at.into()])?;
            }
        }
        Ok(())
    }

    /// Decides what has become of occurrences up to now, before their times change.
    pub(super) fn settle(self, now: Timestamptz) -> Result<()> {
        let id = self.id;
        match self.next_at {
            Some(next) if next <= now => {}
            _ => return Ok(()),
        }
        let busy = || {
            CrierError::Busy(format!(
                "schedule {id} has occurrences in the past whose posts are still being made"
            ))
        };
        if self.advance(now, now)? { Err(busy()) } else { Ok(()) }
    }

    /// Makes what is due within the time that crier.run_due() looks ahead, so that it is on time.
    pub(super) fn begin(self, now: Timestamptz) -> Result<()> {
        self.advance(now, Timestamptz(now.0.saturating_add(posts::AHEAD))).map(drop)
    }

    /// Answers with whether there is more.
    fn advance(self, now: Timestamptz, until: Timestamptz) -> Result<bool> {
        Ok(advance::advance(vec![self], now, until, AT_ONCE, now)?.more)
    }

    pub(super) fn set_state(
        &self,
        state: &str,
        cursor: Timestamptz,
        next: Option<Timestamptz>,
        now: Timestamptz,
    ) -> Result<()> {
        let (workspace, id) = (self.workspace.into(), self.id.into());
        SET_STATE.run_only(&[workspace, id, state.into(), cursor.into(), next.into(), now.into()])
    }

    /// Stops one that can't be understood any more.
    pub(super) fn set_aside(&self, error: &CrierError, now: Timestamptz) -> Result<()> {
        self.set_state("paused", self.cursor_at, None, now)?;
        let reason = serde_json::json!({ "code": error.detail(), "message": error.to_string() });
        self.tell("schedule_failed", serde_json::json!({ "error": reason, "paused": true }), now)
    }
}

//! What schedules will make, as a calendar shows it.

use pgrx::Uuid;

use super::stored::Schedule;
use crate::error::Result;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const ACTIVE: Statement = statement!(up "schedules/active");

/// The most schedules of a workspace that are looked at.
const MAX_SCHEDULES: i64 = 1_000;

/// An occurrence that has no post yet.
pub(crate) struct Planned {
    pub(crate) at: Timestamptz,
    pub(crate) schedule: Uuid,
    pub(crate) content: String,
    pub(crate) accounts: Jsonb,
    pub(crate) tags: Vec<String>,
    pub(crate) media: i32,
}

/// The occurrences of a workspace in a span that have no post yet, at most `most` of each schedule, the first ones first.
pub(crate) fn planned(
    workspace: Uuid,
    account: Option<Uuid>,
    (from, to): (Timestamptz, Timestamptz),
    most: usize,
) -> Result<Vec<Planned>> {
    let args = [workspace.into(), account.into(), MAX_SCHEDULES.into()];
    let schedules = ACTIVE.read(&args, |row| {
        let shown: (String, Jsonb, Vec<String>, i32) =
            (row.need(22)?, row.need(23)?, row.need(24)?, row.need(25)?);
        Ok((Schedule::read(row)?, shown))
    })?;
    let before = Timestamptz(from.0.saturating_sub(1));
    let mut all = Vec::new();
    for (schedule, (content, accounts, tags, media)) in schedules {
        let recurrence = schedule.settings.when.recurrence()?;
        let after = schedule.cursor_at.max(before).instant();
        let times = schedule.undecided(&recurrence, after).map(|next| Timestamptz::of(next.instant));
        all.extend(times.take_while(|at| *at < to).take(most).map(|at| Planned {
            at,
            schedule: schedule.id,
            content: content.clone(),
            accounts,
            tags: tags.clone(),
            media,
        }));
    }
    all.sort_by_key(|planned| planned.at);
    all.truncate(most);
    Ok(all)
}

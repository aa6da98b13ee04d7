//! `crier.analytics` and `crier.publish_rates`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::datum::AnyNumeric;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const DAYS: Statement = statement!(up "analytics/days").planned_each_time();
const HOURS: Statement = statement!(up "analytics/hours").planned_each_time();
const OUTCOMES: Statement = statement!(up "analytics/outcomes").planned_each_time();

const HOUR: i64 = 60 * 60 * 1_000_000;
const DAY: i64 = 24 * HOUR;
const MAX_HOURS: i64 = 62 * DAY;
const MAX_DAYS: i64 = 5 * 366 * DAY;

/// How many events there were and what their values come to, bucket by bucket: `hour`, `day`, `week` (from Monday) or `month`, in
/// UTC. The time begins with the hour or day of `p_from` and ends before that which follows `p_to`. `p_group_by`: some of `kind`,
/// `platform` and `account`; the other columns are null.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn analytics(
    p_workspace_id: Option<Uuid>,
    p_from: Option<Timestamptz>,
    p_to: default!(Option<Timestamptz>, "now()"),
    p_bucket: default!(Option<&str>, "'day'"),
    p_group_by: default!(Option<Vec<Option<String>>>, "'{kind,platform}'"),
    p_kinds: default!(Option<Vec<Option<String>>>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(bucket, Timestamptz),
            name!(kind, Option<String>),
            name!(platform, Option<String>),
            name!(account_id, Option<Uuid>),
            name!(events, i64),
            name!(value, AnyNumeric),
        ),
    >,
    ErrorReport,
> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let bucket = input::required(p_bucket, "p_bucket")?;
    let group_by = input::elements(p_group_by, "p_group_by")?;
    let kinds = input::filter(p_kinds, "p_kinds")?;
    let (statement, unit, longest) = match bucket {
        "hour" => (HOURS, HOUR, MAX_HOURS),
        "day" | "week" | "month" => (DAYS, DAY, MAX_DAYS),
        other => {
            let shown: String = other.chars().take(80).collect();
            let hint = "Give hour, day, week or month.";
            return Err(CrierError::invalid("p_bucket", format!("is {shown:?}"), hint).into());
        }
    };
    let (from, to) = span(p_from, p_to, unit, longest)?;
    if let Some(other) =
        group_by.iter().find(|name| !["kind", "platform", "account"].contains(&name.as_str()))
    {
        let shown: String = other.chars().take(80).collect();
        let hint = "Give some of kind, platform and account.";
        return Err(CrierError::invalid("p_group_by", format!("has {shown:?}"), hint).into());
    }
    Caller::current()?.require(workspace, const { rights::least("analytics") })?;
    let by = |name: &str| group_by.iter().any(|known| known == name);
    let args = [
        workspace.into(),
        from.into(),
        to.into(),
        bucket.into(),
        by("kind").into(),
        by("platform").into(),
        by("account").into(),
        kinds.into(),
    ];
    let rows = statement.read(&args, |row| {
        Ok((row.need(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.need(5)?, row.need(6)?))
    })?;
    Ok(TableIterator::new(rows))
}

/// How publishing came out in a workspace, by platform. `unconfirmed`: nobody knows whether it is out; the rates leave it out.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn publish_rates(
    p_workspace_id: Option<Uuid>,
    p_from: default!(Option<Timestamptz>, "now() - interval '30 days'"),
    p_to: default!(Option<Timestamptz>, "now()"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(platform, Option<String>),
            name!(published, i64),
            name!(failed, i64),
            name!(unconfirmed, i64),
            name!(success_rate, Option<f64>),
            name!(failure_rate, Option<f64>),
        ),
    >,
    ErrorReport,
> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let (from, to) = span(p_from, p_to, 1, MAX_DAYS)?;
    Caller::current()?.require(workspace, const { rights::least("publish_rates") })?;
    let rows = OUTCOMES.read(&[workspace.into(), from.into(), to.into()], |row| {
        let (published, failed): (i64, i64) = (row.need(2)?, row.need(3)?);
        let ended = published + failed;
        let share = |part: i64| (ended > 0).then(|| part as f64 / ended as f64);
        Ok((row.get(1)?, published, failed, row.need(4)?, share(published), share(failed)))
    })?;
    Ok(TableIterator::new(rows))
}

/// A time in whole units that has both ends in it.
fn span(
    from: Option<Timestamptz>,
    to: Option<Timestamptz>,
    unit: i64,
    longest: i64,
) -> Result<(Timestamptz, Timestamptz)> {
    let from = input::required(from, "p_from")?;
    let to = input::required(to, "p_to")?;
    let length = to.0.checked_sub(from.0).filter(|_| from.0 != i64::MIN && to.0 != i64::MAX);
    match length {
        Some(length) if length < 0 => {
            Err(CrierError::invalid("p_to", "lies before p_from", "Give the earlier time first."))
        }
        Some(length) if length <= longest => {
            let down = |at: i64| at.div_euclid(unit) * unit;
            Ok((Timestamptz(down(from.0)), Timestamptz(down(to.0.saturating_add(unit - 1)))))
        }
        _ => {
            const HINT: &str = "Ask for at most 62 days by hour, and five years otherwise.";
            Err(CrierError::invalid("p_from", "lies too long before p_to", HINT))
        }
    }
}

//! `crier.create_schedule`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::stored::{Kind, Missed, Schedule, Settings};
use super::when::When;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamp, Timestamptz};
use crate::plans::{Statement, statement};
use crate::workspaces::new_id;

const INSERT: Statement = statement!(up "schedules/insert");

/// Makes a schedule and answers with its id. `kind`: `single` (once, at `starts`), `recurring` (by `rule`), `evergreen` (by `rule`, from a
/// queue of items). `template`: what crier.create_post() takes, as an object. `rule`: one of RFC 5545, or `{"daily": ["09:00"]}`, or
/// `{"weekly": {"mon": ["09:00"]}}`. All times are wall times of `zone`. `missed`: what becomes of occurrences that nobody made in time:
/// `catch_up`, `skip` or `latest`. Nothing before now is ever made.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn create_schedule(
    workspace_id: Option<Uuid>,
    kind: Option<&str>,
    template: Option<Jsonb>,
    rule: Option<&str>,
    starts: Option<Timestamp>,
    zone: Option<&str>,
    ends: default!(Option<Timestamp>, "NULL"),
    exceptions: default!(Option<Vec<Option<String>>>, "'{}'"),
    missed: default!(Option<&str>, "'catch_up'"),
    priority: default!(Option<i32>, "0"),
    name: default!(Option<&str>, "NULL"),
    additions: default!(Option<Vec<Option<String>>>, "'{}'"),
    item_rest: default!(Option<Interval>, "NULL"),
    account_rest: default!(Option<Interval>, "NULL"),
    author_id: default!(Option<Uuid>, "NULL"),
) -> Result<Uuid, ErrorReport> {
    let workspace = input::required(workspace_id, "workspace_id")?;
    let kind = self::kind(input::required(kind, "kind")?)?;
    let settings = Settings {
        name: name.map(str::to_owned),
        template: input::required(template, "template")?,
        when: When {
            rule: rule.map(str::to_owned),
            starts: input::required(starts, "starts")?.wall()?,
            zone: input::required(zone, "zone")?.to_owned(),
            ends: ends.map(Timestamp::wall).transpose()?,
            exceptions: input::elements(exceptions, "exceptions")?,
            additions: input::elements(additions, "additions")?,
        },
        missed: Missed::parse(input::required(missed, "missed")?)?,
        priority: input::required(priority, "priority")?,
        item_rest,
        account_rest,
    };
    let caller = Caller::current()?;
    caller.require(workspace, const { rights::least("create_schedule") })?;
    settings.check(workspace, kind)?;
    let now = clock::now();
    let mut schedule = Schedule {
        workspace,
        id: new_id(),
        author: caller.acts_as(author_id)?,
        kind,
        state: "active".to_owned(),
        settings,
        next_at: None,
        cursor_at: now,
        cursor_wall: None,
        empty_since: None,
    };
    let next = schedule.next(&schedule.settings.when.recurrence()?).ok_or_else(nothing_comes)?;
    schedule.next_at = Some(next);
    schedule.insert(now)?;
    let changes = json!({ "kind": kind.as_str() });
    schedule.tell_of(caller, "schedule_created", changes, now)?;
    let id = schedule.id;
    schedule.begin(now)?;
    Ok(id)
}

fn kind(kind: &str) -> Result<Kind> {
    Kind::parse(kind).ok_or_else(|| {
        let shown: String = kind.chars().take(80).collect();
        CrierError::invalid("kind", format!("is {shown:?}"), "Use single, recurring or evergreen.")
    })
}

/// Times of which none is left.
pub(super) fn nothing_comes() -> CrierError {
    CrierError::invalid(
        "the schedule",
        "has no occurrence from now on",
        "Give a rule and a start that lead into the future; crier.preview_schedule(definition => …) shows what comes of them.",
    )
}

impl Schedule {
    fn insert(&self, now: Timestamptz) -> Result<()> {
        let Settings { name, template, when, missed, priority, item_rest, account_rest } = &self.settings;
        INSERT.run_only(&[
            self.workspace.into(),
            self.id.into(),
            self.author.into(),
            name.as_deref().into(),
            self.kind.as_str().into(),
            (*template).into(),
            when.rule.as_deref().into(),
            when.starts().into(),
            when.zone.as_str().into(),
            when.ends().into(),
            when.exceptions.clone().into(),
            when.additions.clone().into(),
            missed.as_str().into(),
            (*priority).into(),
            (*item_rest).into(),
            (*account_rest).into(),
            self.next_at.into(),
            now.into(),
        ])
    }
}

//! `crier.update_schedule`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::create::nothing_comes;
use super::stored::{Missed, Schedule, Settings};
use super::when::When;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, Timestamp, Timestamptz};
use crate::plans::{Statement, statement};

const UPDATE: Statement = statement!(up "schedules/update");

/// Changes what a schedule makes from now on; a null leaves that as it is. What it has made for times that have not come yet is made
/// anew, unless somebody has changed it. `ends` at infinity, an empty `name` and a rest of nothing take that away. Answers with the
/// next occurrence, null while it is paused.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn update_schedule(
    schedule_id: Option<Uuid>,
    template: default!(Option<Jsonb>, "NULL"),
    rule: default!(Option<&str>, "NULL"),
    starts: default!(Option<Timestamp>, "NULL"),
    zone: default!(Option<&str>, "NULL"),
    ends: default!(Option<Timestamp>, "NULL"),
    exceptions: default!(Option<Vec<Option<String>>>, "NULL"),
    missed: default!(Option<&str>, "NULL"),
    priority: default!(Option<i32>, "NULL"),
    name: default!(Option<&str>, "NULL"),
    additions: default!(Option<Vec<Option<String>>>, "NULL"),
    item_rest: default!(Option<Interval>, "NULL"),
    account_rest: default!(Option<Interval>, "NULL"),
) -> Result<Option<Timestamptz>, ErrorReport> {
    let id = input::required(schedule_id, "schedule_id")?;
    let least = const { rights::least("update_schedule") };
    let (caller, schedule) = Schedule::open(id, least)?;
    schedule.require_open()?;
    let old = &schedule.settings;
    let when = When {
        rule: rule.map(str::to_owned).or_else(|| old.when.rule.clone()),
        starts: starts.map(Timestamp::wall).transpose()?.unwrap_or(old.when.starts),
        zone: zone.map_or_else(|| old.when.zone.clone(), str::to_owned),
        ends: match ends {
            None => old.when.ends,
            Some(ends) if ends.0 == i64::MAX => None,
            Some(ends) => Some(ends.wall()?),
        },
        exceptions: input::filter(exceptions, "exceptions")?.unwrap_or_else(|| old.when.exceptions.clone()),
        additions: input::filter(additions, "additions")?.unwrap_or_else(|| old.when.additions.clone()),
    };
    let given = [
        ("template", template.is_some()),
        ("rule", rule.is_some()),
        ("starts", starts.is_some()),
        ("zone", zone.is_some()),
        ("ends", ends.is_some()),
        ("exceptions", when.exceptions != old.when.exceptions),
        ("missed", missed.is_some()),
        ("priority", priority.is_some()),
        ("name", name.is_some()),
        ("additions", when.additions != old.when.additions),
        ("item_rest", item_rest.is_some()),
        ("account_rest", account_rest.is_some()),
    ];
    let fields: Vec<&str> =
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
    let new = Settings {
        name: match name {
            None => old.name.clone(),
            name => name.filter(|name| !name.is_empty()).map(str::to_owned),
        },
        template: template.unwrap_or(old.template),
        when,
        missed: missed.map(Missed::parse).transpose()?.unwrap_or(old.missed),
        priority: priority.unwrap_or(old.priority),
        item_rest: rest(item_rest, old.item_rest),
        account_rest: rest(account_rest, old.account_rest),
    };
    new.check(schedule.workspace, schedule.kind)?;
    let now = clock::now();
    let (caller, next) = schedule.change(new, least, now).map(|next| (caller, next))?;
    let (_, changed) = Schedule::open(id, least)?;
    changed.tell_of(caller, "schedule_updated", json!({ "fields": fields }), now)?;
    if changed.is_active() {
        changed.begin(now)?;
    }
    Ok(next)
}

fn rest(new: Option<Interval>, old: Option<Interval>) -> Option<Interval> {
    match new {
        None => old,
        Some(rest) if clock::micros(&rest) == Some(0) => None,
        rest => rest,
    }
}

impl Schedule {
    /// Stores what is new and answers with what comes next.
    fn change(mut self, new: Settings, least: rights::Role, now: Timestamptz) -> Result<Option<Timestamptz>> {
        let has_other_times = self.settings.when != new.when;
        let mut cursor = self.cursor_at.min(now);
        self.take_back(false, least, now)?;
        if has_other_times {
            // What lies in the past was to happen as it was planned then.
            let (workspace, id) = (self.workspace, self.id);
            let (kind, state, author) = (self.kind, self.state.clone(), self.author);
            self.settle(now)?;
            self = Self {
                workspace,
                id,
                author,
                kind,
                state,
                settings: new,
                next_at: None,
                cursor_at: now,
                cursor_wall: None,
                empty_since: None,
            };
            cursor = now;
        } else {
            self.settings = new;
            self.cursor_at = cursor;
            self.cursor_wall = None;
        }
        let recurrence = self.settings.when.recurrence()?;
        let next =
            if self.is_active() { Some(self.next(&recurrence).ok_or_else(nothing_comes)?) } else { None };
        let Settings { name, template, when, missed, priority, item_rest, account_rest } = &self.settings;
        UPDATE.run_only(&[
            self.workspace.into(),
            self.id.into(),
            name.as_deref().into(),
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
            next.into(),
            cursor.into(),
            now.into(),
        ])?;
        Ok(next)
    }
}

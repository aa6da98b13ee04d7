//! `crier.add_schedule_items`, `crier.remove_schedule_item`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;
use serde_json::{Map, Value};

use super::stored::{Kind, Schedule};
use super::template;
use crate::answer::SetOfIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::Jsonb;
use crate::plans::{Statement, statement};
use crate::posts;
use crate::workspaces::new_id;

const COUNT: Statement = statement!(up "schedules/count_items").planned_once();
const INSERT: Statement = statement!(up "schedules/insert_items");
const DELETE: Statement = statement!(up "schedules/delete_item");
const WAKE: Statement = statement!(up "schedules/wake");

/// The most items of a schedule.
const MAX_ITEMS: usize = 10_000;
const HINT: &str = "Write an array of objects such as {\"content\": \"…\", \"weight\": 2}, with any field of the template in its place.";

/// Adds items to the queue of an evergreen schedule and answers with their ids. An item is an object with what it has in the place of the
/// template's fields, and a `weight` from 1 to 10: how often it has its turn, compared with others. New items come first.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn add_schedule_items(
    schedule_id: Option<Uuid>,
    items: Option<Jsonb>,
) -> Result<SetOfIterator<'static, Uuid>, ErrorReport> {
    let id = input::required(schedule_id, "schedule_id")?;
    let items = match input::required(items, "items")?.parse("items", template::MAX_BYTES)? {
        Value::Array(items) => items,
        _ => return Err(CrierError::invalid("items", "must be a JSON array", HINT).into()),
    };
    let (_, schedule) = open(id, const { rights::least("add_schedule_items") })?;
    schedule.require_open()?;
    let args = [schedule.workspace.into(), id.into(), i64::try_from(MAX_ITEMS).unwrap_or(i64::MAX).into()];
    let there = COUNT.read(&args, |row| row.need::<i64>(1))?.first().copied().unwrap_or_default();
    let found = usize::try_from(there).unwrap_or_default().saturating_add(items.len());
    if found > MAX_ITEMS {
        return Err(CrierError::TooLarge { what: "the queue", found, limit: MAX_ITEMS, unit: "items" }.into());
    }
    let common = template::object(schedule.settings.template, "template")?;
    let mut ids = Vec::with_capacity(items.len());
    let (mut stored, mut weights) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for (at, item) in items.into_iter().enumerate() {
        let (item, weight) = read(&schedule, &common, item).map_err(|error| match error {
            // With everything it says, and which of many it is
            error if error.is_refusal() => {
                CrierError::invalid(format!("element {} of items:", at + 1), error.to_string(), HINT)
            }
            error => error,
        })?;
        stored.push(Jsonb::from_value(&Value::Object(item)));
        weights.push(weight);
        ids.push(new_id());
    }
    let now = clock::now();
    let (workspace, key) = (schedule.workspace, id);
    INSERT.run_only(&[
        workspace.into(),
        key.into(),
        ids.clone().into(),
        stored.into(),
        weights.into(),
        now.into(),
    ])?;
    WAKE.run_only(&[workspace.into(), key.into()])?;
    schedule.note("schedule_items_added", json!({ "items": ids.len() }))?;
    if schedule.is_active() {
        schedule.begin(now)?;
    }
    Ok(SetOfIterator::new(ids))
}

/// An item and its weight; one of which no post could be made is refused.
fn read(schedule: &Schedule, common: &Map<String, Value>, item: Value) -> Result<(Map<String, Value>, i32)> {
    let Value::Object(mut item) = item else {
        return Err(CrierError::invalid("it", "is no object", HINT));
    };
    let weight = match item.remove("weight") {
        None => 1,
        Some(weight) => weight.as_i64().filter(|weight| (1..=10).contains(weight)).ok_or_else(|| {
            CrierError::invalid("weight", format!("is {weight}"), "Give a whole number from 1 to 10.")
        })?,
    };
    item.retain(|_, value| !value.is_null());
    let post = template::definition(common, Some(&item), schedule.settings.priority)?;
    posts::check(schedule.workspace, &post)?;
    Ok((item, i32::try_from(weight).unwrap_or(1)))
}

/// Takes an item out of the queue of an evergreen schedule; posts that were made of it stay. False: there was none.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn remove_schedule_item(schedule_id: Option<Uuid>, item_id: Option<Uuid>) -> Result<bool, ErrorReport> {
    let id = input::required(schedule_id, "schedule_id")?;
    let item = input::required(item_id, "item_id")?;
    let (_, schedule) = open(id, const { rights::least("remove_schedule_item") })?;
    let gone = DELETE.write(&[schedule.workspace.into(), id.into(), item.into()], |_| Ok(()))?;
    if !gone.is_empty() {
        schedule.note("schedule_item_removed", json!({ "item": item.to_string() }))?;
    }
    Ok(!gone.is_empty())
}

fn open(id: Uuid, least: rights::Role) -> Result<(crate::identity::Caller, Schedule)> {
    let (caller, schedule) = Schedule::open(id, least)?;
    if schedule.kind == Kind::Evergreen {
        return Ok((caller, schedule));
    }
    Err(CrierError::invalid(
        format!("schedule {id}"),
        format!("is {}, and has no queue", schedule.kind.as_str()),
        "Make an evergreen schedule.",
    ))
}

//! The slots of accounts: `crier.set_slots`, `crier.get_slots`, `crier.next_slot`, and which post has which.

use std::collections::HashMap;

use crier_core::recurrence::{RecurrenceError, WeeklySlots, Zone};
use crier_core::rights::{self, Role};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::activity::{self, Object};
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Row, Statement, statement};

const ACCOUNT: Statement = statement!(up "actions/account");
const SET: Statement = statement!(up "posts/set_slots");
const DROP: Statement = statement!(up "posts/drop_slots");
const GET: Statement = statement!(up "posts/get_slots");
const TAKEN: Statement = statement!(up "posts/taken_slots").planned_once();
const BOOK: Statement = statement!(up "posts/book_slot").planned_once();
const BOOKED: Statement = statement!(up "posts/booked_slots").planned_once();
const FREE: Statement = statement!(up "posts/free_slots").planned_once();

const MAX_BYTES: usize = 65_536;
/// How many taken slots are read at once.
const CHUNK: usize = 1_000;
/// How many in a row may be taken before nobody looks further.
const MAX_TAKEN: usize = 100_000;

/// Sets when an account likes to publish: times of the week in a zone, in the place of those it had. Without any it has no slots.
/// What is planned already stays where it is.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn set_slots(account_id: Option<Uuid>, zone: Option<&str>, slots: Option<Jsonb>) -> Result<(), ErrorReport> {
    let account = input::required(account_id, "account_id")?;
    let zone = input::required(zone, "zone")?;
    let slots = input::required(slots, "slots")?;
    let (zone, _) = read_week(zone, slots)?;
    let workspace = workspace_of(account, const { rights::least("set_slots") })?;
    let key = [workspace.into(), account.into()];
    if slots.parse("slots", MAX_BYTES)?.as_object().is_some_and(serde_json::Map::is_empty) {
        DROP.run_only(&key)?;
        return Ok(activity::note(
            workspace,
            "slots_set",
            Object::Account(account),
            json!({ "zone": null }),
        )?);
    }
    let [of, to] = key;
    SET.run_only(&[of, to, zone.name().into(), slots.into(), clock::now().into()])?;
    Ok(activity::note(workspace, "slots_set", Object::Account(account), json!({ "zone": zone.name() }))?)
}

/// The slots of an account, as they were set; no row where it has none.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_slots(
    account_id: Option<Uuid>,
) -> Result<TableIterator<'static, (name!(zone, String), name!(slots, Jsonb))>, ErrorReport> {
    let account = input::required(account_id, "account_id")?;
    let workspace = workspace_of(account, const { rights::least("get_slots") })?;
    let found = GET.read(&[workspace.into(), account.into()], |row| Ok((row.need(1)?, row.need(2)?)))?;
    Ok(TableIterator::new(found))
}

/// The next slot of an account after a time that no post has; null where it has no slots. Whoever plans a post for it may come second:
/// `next_slot => true` of `crier.create_post()` takes it.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn next_slot(
    account_id: Option<Uuid>,
    after: default!(Option<Timestamptz>, "now()"),
) -> Result<Option<Timestamptz>, ErrorReport> {
    let account = input::required(account_id, "account_id")?;
    let after = input::required(after, "after")?.plausible("after", clock::now())?;
    let workspace = workspace_of(account, const { rights::least("next_slot") })?;
    let Some(slots) = Slots::of(workspace, account)? else { return Ok(None) };
    Ok(slots.next_free(Timestamptz(after.0 + 1), false)?)
}

/// The workspace of an account, for a caller who has at least this role there.
fn workspace_of(account: Uuid, least: Role) -> Result<Uuid> {
    Caller::find("account", account, ACCOUNT, least).map(|(_, workspace)| workspace)
}

fn read_week(zone: &str, slots: Jsonb) -> Result<(Zone, WeeklySlots)> {
    let refused = |name: &'static str| {
        move |error: RecurrenceError| {
            let hint = "Write slots as {\"mon\": [\"09:00\", \"17:30\"]}, in a zone such as Europe/Berlin.";
            CrierError::invalid(name, format!("can't be read: {error}"), hint)
        }
    };
    let zone = Zone::parse(zone).map_err(refused("zone"))?;
    let week = WeeklySlots::parse(zone, &slots.parse("slots", MAX_BYTES)?).map_err(refused("slots"))?;
    Ok((zone, week))
}

/// The slots of an account.
struct Slots {
    workspace: Uuid,
    account: Uuid,
    week: WeeklySlots,
}

impl Slots {
    fn of(workspace: Uuid, account: Uuid) -> Result<Option<Self>> {
        let found = GET.read(&[workspace.into(), account.into()], |row| {
            read_week(&row.need::<String>(1)?, row.need(2)?).map(|(_, week)| week)
        })?;
        Ok(found.into_iter().next().map(|week| Self { workspace, account, week }))
    }

    /// The first slot from a time on that no post has: as the statement sees it, or as it is now.
    fn next_free(&self, from: Timestamptz, newest: bool) -> Result<Option<Timestamptz>> {
        let mut from = from;
        for _ in 0..MAX_TAKEN / CHUNK {
            let args = [self.workspace.into(), self.account.into(), from.into(), (CHUNK as i64).into()];
            let at = |row: &Row<'_>| row.need::<Timestamptz>(1);
            let taken = if newest { TAKEN.newest(&args, at) } else { TAKEN.read(&args, at) }?;
            let mut others = taken.iter().copied().peekable();
            for slot in self.week.after(Timestamptz(from.0 - 1).instant()) {
                let at = Timestamptz::of(slot.instant);
                // what was booked before the slots were others
                while others.next_if(|other| *other < at).is_some() {}
                if others.peek().is_none() && taken.len() == CHUNK {
                    // more than were read may be taken
                    break;
                }
                if others.next_if_eq(&at).is_none() {
                    return Ok(Some(at));
                }
            }
            match taken.last() {
                Some(last) if taken.len() == CHUNK => from = Timestamptz(last.0 + 1),
                _ => return Ok(None),
            }
        }
        Err(CrierError::invalid(
            "next_slot",
            format!("finds the next {MAX_TAKEN} slots of account {} taken", self.account),
            "Give a later time, or more slots with crier.set_slots().",
        ))
    }

    /// Takes the first slot from a time on for a post. Who comes second waits until the first one has ended, and then has it or the
    /// next.
    fn book(&self, post: Uuid, from: Timestamptz) -> Result<Timestamptz> {
        let mut from = from;
        while let Some(at) = self.next_free(from, true)? {
            let args = [self.workspace.into(), self.account.into(), at.into(), post.into()];
            if !BOOK.write(&args, |_| Ok(()))?.is_empty() {
                return Ok(at);
            }
            from = Timestamptz(at.0 + 1);
        }
        Err(CrierError::invalid(
            "next_slot",
            format!("finds no further slot of account {}", self.account),
            "Set other slots with crier.set_slots(), or give a time.",
        ))
    }
}

/// Takes the next free slot of each account for a post, from a time on; accounts that have one for it keep that.
pub(super) fn book(
    workspace: Uuid,
    post: Uuid,
    accounts: &[Uuid],
    from: Timestamptz,
) -> Result<HashMap<Uuid, Timestamptz>> {
    let booked = BOOKED.newest(&[workspace.into(), post.into()], |row| Ok((row.need(1)?, row.need(2)?)))?;
    let mut times: HashMap<Uuid, Timestamptz> = booked.into_iter().collect();
    times.retain(|account, _| accounts.contains(account));
    // All take them in the same order, so that no two wait for each other.
    let mut missing: Vec<Uuid> =
        accounts.iter().copied().filter(|account| !times.contains_key(account)).collect();
    missing.sort_unstable_by_key(|account| *account.as_bytes());
    missing.dedup();
    for account in missing {
        let slots = Slots::of(workspace, account)?.ok_or_else(|| {
            CrierError::invalid(
                "next_slot",
                format!("finds no slots of account {account}"),
                "Set them with crier.set_slots(), or give a time.",
            )
        })?;
        times.insert(account, slots.book(post, from)?);
    }
    Ok(times)
}

/// Gives back the slots that accounts have for a post.
pub(super) fn free(workspace: Uuid, post: Uuid, accounts: &[Uuid]) -> Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    FREE.run_only(&[workspace.into(), post.into(), accounts.to_vec().into()])
}

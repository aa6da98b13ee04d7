//! `crier.record_analytics`.

use std::collections::BTreeSet;

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::Value;

use crate::clock;
use crate::elements::{self, Element};
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::tenant_limits;
use crate::workspaces::new_id;

const RECORD: Statement = statement!(up "analytics/record").planned_once();
const MISSING_ACCOUNT: Statement = statement!(up "analytics/missing_account").planned_once();
const PLATFORMS: Statement = statement!(up "analytics/platforms");
const NEW_KINDS: Statement = statement!(up "analytics/new_kinds").planned_once();
const LOCK_WORKSPACES: Statement = statement!(up "analytics/lock_workspaces").planned_once();
const ADD_KINDS: Statement = statement!(up "analytics/add_kinds").planned_once();
const CROWDED: Statement = statement!(up "analytics/crowded").planned_once();

const EVENTS: elements::Kind = elements::Kind {
    list: "p_events",
    one: "an event",
    fields: &["workspace_id", "kind", "at", "id", "account_id", "platform", "post_id", "value", "properties"],
    hint: "Use workspace_id and kind, and as far as they are known at, id, account_id, platform, post_id, value and properties.",
};
/// What the database counts itself.
const RESERVED: [&str; 6] = [
    "post_published",
    "post_publish_failed",
    "metric_views",
    "metric_likes",
    "metric_replies",
    "metric_shares",
];

const MAX_BYTES: usize = 16 * 1024 * 1024;
const MAX_KIND: usize = 60;
const MAX_PROPERTIES: usize = 2_000;
const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// How far back what is told may lie.
const MAX_BEHIND: i64 = 90 * DAY;
/// How far the clock of who tells it may be ahead.
const MAX_AHEAD: i64 = DAY / 24;

/// One event, as it is stored.
struct Event {
    workspace: Uuid,
    id: Uuid,
    at: Timestamptz,
    kind: String,
    platform: Option<String>,
    account: Option<Uuid>,
    post: Option<Uuid>,
    value: String,
    properties: Option<Jsonb>,
}

/// Records events, an array of objects, at most 10,000: all of them or, where one is wrong, none. Answers with how many there are of
/// which the `id` was not there already.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn record_analytics(p_events: Option<Jsonb>) -> Result<i64, ErrorReport> {
    let text = input::required(p_events, "p_events")?.to_text_within("p_events", MAX_BYTES)?;
    let now = clock::now();
    let elements = EVENTS.parse(&text)?;
    let events = elements.iter().map(|element| Event::read(element, now)).collect::<Result<Vec<_>>>()?;
    let caller = Caller::current()?;
    for workspace in workspaces(&events) {
        caller.require(workspace, const { rights::least("record_analytics") })?;
    }
    if events.is_empty() {
        return Ok(0);
    }
    require_accounts(&elements, &events)?;
    require_platforms(&elements, &events)?;
    bring_kinds(&events)?;
    let stored = RECORD.write(
        &[
            column(&events, |event| event.workspace).into(),
            column(&events, |event| event.id).into(),
            column(&events, |event| event.at).into(),
            column(&events, |event| event.kind.as_str()).into(),
            column(&events, |event| event.platform.as_deref()).into(),
            column(&events, |event| event.account).into(),
            column(&events, |event| event.post).into(),
            column(&events, |event| event.value.as_str()).into(),
            column(&events, |event| event.properties).into(),
        ],
        |row| row.need(1),
    )?;
    Ok(stored.into_iter().next().unwrap_or_default())
}

fn column<'a, T>(events: &'a [Event], of: impl Fn(&'a Event) -> T) -> Vec<T> {
    events.iter().map(of).collect()
}

/// Each once, in one order.
fn workspaces(events: &[Event]) -> impl Iterator<Item = Uuid> {
    let ids: BTreeSet<[u8; 16]> = events.iter().map(|event| *event.workspace.as_bytes()).collect();
    ids.into_iter().map(Uuid::from_bytes)
}

impl Event {
    fn read(element: &Element<'_>, now: Timestamptz) -> Result<Self> {
        let kind = element.required("kind", element.read::<String>("kind", "a string")?)?;
        check_kind(element, &kind)?;
        let at = element.time("at")?.unwrap_or(now);
        require_near(element, "at", at, now)?;
        let id = match element.uuid("id")? {
            None => new_id(),
            Some(id) => {
                require_near(element, "id", made_at(element, id)?, now)?;
                id
            }
        };
        Ok(Self {
            workspace: element.required("workspace_id", element.uuid("workspace_id")?)?,
            id,
            at,
            kind,
            platform: element.read("platform", "a string")?,
            account: element.uuid("account_id")?,
            post: element.uuid("post_id")?,
            value: value(element)?,
            properties: properties(element)?,
        })
    }
}

/// Kinds stand in the keys of sums that are kept for ever.
fn check_kind(element: &Element<'_>, kind: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    if !kind.starts_with(|c: char| c.is_ascii_lowercase())
        || !kind.chars().all(plain)
        || kind.len() > MAX_KIND
    {
        let shown: String = kind.chars().take(80).collect();
        let form = "of at most 60 lower-case letters, digits, dots and underscores that begins with a letter";
        return Err(element.invalid("kind", format!("must be a word {form}, not {shown:?}")));
    }
    if RESERVED.contains(&kind) {
        return Err(element.invalid("kind", format!("is {kind:?}, which is counted already")));
    }
    Ok(())
}

/// When a UUIDv7 was made.
fn made_at(element: &Element<'_>, id: Uuid) -> Result<Timestamptz> {
    /// Microseconds from 1970 to 2000.
    const EPOCH: i64 = 946_684_800_000_000;
    let bytes = id.as_bytes();
    if bytes[6] >> 4 != 7 {
        return Err(element.invalid("id", "is no UUIDv7: crier.new_id() makes one"));
    }
    let millis = bytes[..6].iter().fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
    Ok(Timestamptz(millis.saturating_mul(1_000).saturating_sub(EPOCH)))
}

fn require_near(element: &Element<'_>, field: &str, at: Timestamptz, now: Timestamptz) -> Result<()> {
    if (now.0 - MAX_BEHIND..=now.0 + MAX_AHEAD).contains(&at.0) {
        return Ok(());
    }
    Err(element.invalid(field, "must be of a time between 90 days ago and an hour ahead"))
}

/// Sums of values stay exact and of a size: no exponents.
fn value(element: &Element<'_>) -> Result<String> {
    let Some(raw) = element.raw("value") else { return Ok("1".to_owned()) };
    let digits = |part: &str, most: usize| {
        !part.is_empty() && part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let number = raw.strip_prefix('-').unwrap_or(raw);
    let is_plain = match number.split_once('.') {
        None => digits(number, 15),
        Some((whole, rest)) => digits(whole, 15) && digits(rest, 6),
    };
    if is_plain {
        return Ok(raw.to_owned());
    }
    let shown: String = raw.chars().take(80).collect();
    Err(element
        .invalid("value", format!("must be a number of at most 15 digits and 6 decimals, not {shown}")))
}

fn properties(element: &Element<'_>) -> Result<Option<Jsonb>> {
    let Some(raw) = element.raw("properties") else { return Ok(None) };
    if raw.len() > MAX_PROPERTIES {
        return Err(
            element.invalid("properties", format!("has {} bytes; at most 2000 are accepted", raw.len()))
        );
    }
    match element.read::<Value>("properties", "an object")? {
        Some(value @ Value::Object(_)) => Ok(Some(Jsonb::from_value(&value))),
        _ => Err(element.invalid("properties", "must be an object")),
    }
}

/// Refuses an account of another workspace, which looks like none.
fn require_accounts(elements: &[Element<'_>], events: &[Event]) -> Result<()> {
    let args = [column(events, |event| event.workspace).into(), column(events, |event| event.account).into()];
    let missing = MISSING_ACCOUNT.read(&args, |row| row.need::<i64>(1))?;
    let place = missing.first().and_then(|place| usize::try_from(*place - 1).ok());
    match place.and_then(|place| Some((elements.get(place)?, events.get(place)?.account?))) {
        Some((element, id)) => {
            Err(element.invalid("account_id", format!("is {id}, which the workspace does not have")))
        }
        None => Ok(()),
    }
}

/// Refuses a platform that there is not: those of accounts are known.
fn require_platforms(elements: &[Element<'_>], events: &[Event]) -> Result<()> {
    if events.iter().all(|event| event.platform.is_none()) {
        return Ok(());
    }
    let known: BTreeSet<String> = PLATFORMS.read(&[], |row| row.need(1))?.into_iter().collect();
    let unknown = |event: &Event| event.platform.as_ref().is_some_and(|platform| !known.contains(platform));
    match events.iter().position(unknown).and_then(|at| elements.get(at)) {
        Some(element) => Err(element.invalid("platform", "is none that crier.platform_policy names")),
        None => Ok(()),
    }
}

/// Writes down the kinds that are new, and refuses more of them than a workspace may have.
fn bring_kinds(events: &[Event]) -> Result<()> {
    const HINT: &str = "Use fewer kinds, and properties for what differs. The operator sets the bound, analytics_kinds_per_workspace in crier.tenant_limit.";
    let distinct: BTreeSet<([u8; 16], &str)> =
        events.iter().map(|event| (*event.workspace.as_bytes(), event.kind.as_str())).collect();
    let (of, kinds): (Vec<Uuid>, Vec<&str>) =
        distinct.into_iter().map(|(workspace, kind)| (Uuid::from_bytes(workspace), kind)).unzip();
    let new = NEW_KINDS
        .newest(&[of.into(), kinds.into()], |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?)))?;
    if new.is_empty() {
        return Ok(());
    }
    let (of, kinds): (Vec<Uuid>, Vec<String>) = new.into_iter().unzip();
    LOCK_WORKSPACES.write(&[of.clone().into()], |_| Ok(()))?;
    ADD_KINDS.run_only(&[of.clone().into(), kinds.into()])?;
    let Some(max) = tenant_limits::limit("analytics_kinds_per_workspace")? else { return Ok(()) };
    match CROWDED.newest(&[of.into(), max.into()], |row| row.need::<Uuid>(1))?.first() {
        None => Ok(()),
        Some(id) => {
            let problem = format!("would have more than {max} kinds of events");
            Err(CrierError::Limit { what: format!("workspace {id}"), problem, hint: HINT })
        }
    }
}

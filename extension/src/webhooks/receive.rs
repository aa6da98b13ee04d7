//! `crier.receive_webhook`: what a sidecar calls before it answers a platform.

use std::collections::HashMap;

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::processing;
use crate::answer::TableIterator;
use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::Jsonb;
use crate::plans::{Statement, statement};
use crate::queue::job;
use crate::workspaces::new_id;

const NOTE: Statement = statement!(up "webhooks/note_delivery").planned_once();
const FIND: Statement = statement!(up "webhooks/find_accounts").planned_once();
const INSERT: Statement = statement!(up "webhooks/insert_events").planned_once();

const MAX_SOURCE_CHARS: usize = 100;
const MAX_KEY_CHARS: usize = 300;
const MAX_PLATFORM_CHARS: usize = 60;
const MAX_EXTERNAL_ID_CHARS: usize = 500;
const MAX_HEADERS_BYTES: usize = 16_384;
/// All parts of a delivery together.
const MAX_PAYLOAD_BYTES: usize = 4 * 1024 * 1024;
const MAX_PARTS: usize = 1_000;

/// The parts of a delivery, element by element.
struct Parts {
    platforms: Vec<String>,
    external_ids: Vec<Option<String>>,
    payloads: Vec<String>,
}

/// A row that a part becomes: one for each account it is about, or one that belongs to no workspace.
struct Event {
    id: Uuid,
    workspace: Option<Uuid>,
    account: Option<Uuid>,
    /// Of its part; the first is 1.
    place: i32,
}

/// Stores what a platform sent and has it processed, in one transaction that reaches the disk. `p_source`: the endpoint;
/// `p_key`: what is the same when it is sent again; `p_payloads`: JSON. The same source and key again: nothing is done, and
/// `duplicate` is true.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn receive_webhook(
    p_source: Option<&str>,
    p_key: Option<&str>,
    p_headers: Option<Jsonb>,
    p_platforms: Option<Vec<Option<String>>>,
    p_external_ids: Option<Vec<Option<String>>>,
    p_payloads: Option<Vec<Option<String>>>,
) -> Result<TableIterator<'static, (name!(duplicate, bool), name!(webhooks, i32))>, ErrorReport> {
    let source = input::text(p_source, "p_source", MAX_SOURCE_CHARS)?;
    let key = input::text(p_key, "p_key", MAX_KEY_CHARS)?;
    let headers = input::required(p_headers, "p_headers")?;
    if !headers.to_text_within("p_headers", MAX_HEADERS_BYTES)?.starts_with('{') {
        let hint = "Give an object of names and values.";
        return Err(CrierError::invalid("p_headers", "is not an object", hint).into());
    }
    let parts = Parts::read(p_platforms, p_external_ids, p_payloads)?;
    let now = clock::now();
    durable::require_commit()?;
    if NOTE.write(&[source.as_str().into(), key.into(), now.into()], |_| Ok(()))?.is_empty() {
        return Ok(TableIterator::once((true, 0)));
    }
    let events = parts.events()?;
    let column = |of: fn(&Event) -> Option<Uuid>| events.iter().map(of).collect::<Vec<_>>();
    INSERT.run_only(&[
        events.iter().map(|event| event.id).collect::<Vec<_>>().into(),
        column(|event| event.workspace).into(),
        events.iter().map(|event| event.place).collect::<Vec<_>>().into(),
        column(|event| event.account).into(),
        source.into(),
        parts.platforms.into(),
        parts.external_ids.into(),
        parts.payloads.into(),
        headers.into(),
        now.into(),
    ])?;
    let jobs: Vec<_> = events.iter().map(|event| processing(event.id, event.workspace)).collect();
    job::insert(&jobs, now)?;
    Ok(TableIterator::once((false, i32::try_from(events.len()).unwrap_or(i32::MAX))))
}

impl Parts {
    fn read(
        platforms: Option<Vec<Option<String>>>,
        external_ids: Option<Vec<Option<String>>>,
        payloads: Option<Vec<Option<String>>>,
    ) -> Result<Self> {
        let platforms = input::elements(platforms, "p_platforms")?;
        let external_ids = input::required(external_ids, "p_external_ids")?;
        let payloads = input::elements(payloads, "p_payloads")?;
        let count = platforms.len();
        input::same_length(("p_platforms", count), ("p_external_ids", external_ids.len()))?;
        input::same_length(("p_platforms", count), ("p_payloads", payloads.len()))?;
        let too_large = |what, found, limit, unit| Err(CrierError::TooLarge { what, found, limit, unit });
        match count {
            0 => return Err(CrierError::invalid("p_payloads", "is empty", "Give one part at least.")),
            1..=MAX_PARTS => {}
            _ => return too_large("p_payloads", count, MAX_PARTS, "elements"),
        }
        let bytes = payloads.iter().map(String::len).sum();
        if bytes > MAX_PAYLOAD_BYTES {
            return too_large("p_payloads", bytes, MAX_PAYLOAD_BYTES, "bytes");
        }
        for platform in &platforms {
            input::text(Some(platform), "p_platforms", MAX_PLATFORM_CHARS)?;
        }
        for id in external_ids.iter().flatten() {
            input::text(Some(id), "p_external_ids", MAX_EXTERNAL_ID_CHARS)?;
        }
        Ok(Self { platforms, external_ids, payloads })
    }

    /// Whose they are, by the accounts that are connected now.
    fn events(&self) -> Result<Vec<Event>> {
        let found = FIND.read(&[self.platforms.clone().into(), self.external_ids.clone().into()], |row| {
            Ok((row.need::<i32>(1)?, (row.need::<Uuid>(2)?, row.need::<Uuid>(3)?)))
        })?;
        let mut accounts: HashMap<i32, Vec<(Uuid, Uuid)>> = HashMap::new();
        for (place, account) in found {
            accounts.entry(place).or_default().push(account);
        }
        let mut events = Vec::new();
        for place in (1..).take(self.payloads.len()) {
            let event = |workspace, account| Event { id: new_id(), workspace, account, place };
            match accounts.get(&place) {
                None => events.push(event(None, None)),
                Some(of_part) => {
                    events.extend(
                        of_part.iter().map(|(workspace, account)| event(Some(*workspace), Some(*account))),
                    );
                }
            }
        }
        Ok(events)
    }
}

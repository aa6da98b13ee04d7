//! The interface by which tests and the demonstration steer the simulator.

use bytes::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::bad_request;
use super::fault::Rule;
use super::world::World;
use crate::serve;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    platform: String,
    handle: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    platform: String,
    handle: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    platform: String,
    settings: Value,
}

pub(super) fn answer(world: &World, path: &str, request: &Request<Bytes>) -> Response<Bytes> {
    match (request.method(), path) {
        (&Method::GET, "/control/ledger") => ok(json!(world.ledger.entries())),
        (&Method::GET, "/control/calls") => ok(world
            .calls()
            .iter()
            .map(|(platform, call)| json!({"platform": platform, "call": call}))
            .collect()),
        (&Method::GET, "/control/faults") => {
            ok(json!({"left": world.faults.left(), "held": world.gate.held()}))
        }
        (&Method::POST, "/control/accounts") => parsed(request, |new: NewAccount| {
            let platform = world.platform(&new.platform).ok_or(format!("no platform {:?}", new.platform))?;
            Ok(json!({"did": platform.add_account(&new.handle, &new.password)?}))
        }),
        (&Method::POST, "/control/revoke") => parsed(request, |named: Named| {
            world
                .platform(&named.platform)
                .ok_or(format!("no platform {:?}", named.platform))?
                .revoke(&named.handle);
            Ok(json!({}))
        }),
        (&Method::POST, "/control/expire") => parsed(request, |named: Named| {
            world
                .platform(&named.platform)
                .ok_or(format!("no platform {:?}", named.platform))?
                .expire(&named.handle);
            Ok(json!({}))
        }),
        (&Method::POST, "/control/strict") => {
            world.platforms.iter().for_each(|platform| platform.be_strict());
            ok(json!({}))
        }
        (&Method::POST, "/control/faults") => parsed(request, |rule: Rule| {
            world.platform(&rule.platform).ok_or(format!("no platform {:?}", rule.platform))?;
            world.faults.plan(rule);
            Ok(json!({}))
        }),
        (&Method::GET, "/control/figures") => ok(world
            .platforms
            .iter()
            .map(|platform| (platform.name().to_owned(), platform.figures()))
            .collect()),
        (&Method::POST, "/control/settings") => parsed(request, |changes: Changes| {
            world
                .platform(&changes.platform)
                .ok_or(format!("no platform {:?}", changes.platform))?
                .set(&changes.settings)
        }),
        (&Method::POST, "/control/release") => {
            let held = world.gate.held();
            world.gate.release();
            ok(json!({"released": held}))
        }
        _ => serve::plain(StatusCode::NOT_FOUND, "not found\n"),
    }
}

fn ok(body: Value) -> Response<Bytes> {
    serve::json(StatusCode::OK, &body)
}

fn parsed<T: DeserializeOwned>(
    request: &Request<Bytes>,
    act: impl FnOnce(T) -> Result<Value, String>,
) -> Response<Bytes> {
    match serde_json::from_slice(request.body()).map_err(|error| error.to_string()).and_then(act) {
        Ok(body) => ok(body),
        Err(message) => bad_request(&message),
    }
}

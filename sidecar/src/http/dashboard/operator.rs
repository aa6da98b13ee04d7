//! The page for operators: how the whole installation is, and what can be done about it. It is at their address, for whoever shows
//! one of their keys.

mod data;
mod view;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use chrono::Utc;
use secrecy::ExposeSecret;

use super::fields::Fields;
use super::stop::Stop;
use super::{acts, assets, forgery, shell, words};
use crate::db::{Db, Remedy};
use crate::error::Error;
use crate::http::api_key::{ApiKeys, ShownKey};
use data::Installation;

/// Where it is.
const ROOT: &str = "/operator";

/// Its addresses.
pub(in crate::http) fn routes(db: Db, keys: &ApiKeys) -> Router {
    Router::new()
        .route("/operator", keys.guard_page(get(page)))
        .route("/operator/do/{act}", keys.guard_page(post(act)))
        .route("/dashboard/style.css", get(assets::style))
        .route("/dashboard/script.js", get(assets::script))
        .with_state(db)
}

async fn page(
    State(db): State<Db>,
    Extension(key): Extension<ShownKey>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::of(query.as_deref().unwrap_or_default());
    match installation(&db).await {
        Ok(found) => {
            let content = view::installation(&found, &token(&key), Utc::now());
            shell::of_operator("Installation", query.get("done").and_then(words::done), &content)
        }
        Err(stop) => stop.shown_at(ROOT),
    }
}

async fn installation(db: &Db) -> Result<Installation, Stop> {
    let found = db.installation().await.map_err(Stop::Failed)?;
    serde_json::from_value(found).map_err(|error| Stop::Failed(Error::Contract(error.to_string())))
}

async fn act(
    State(db): State<Db>,
    Extension(key): Extension<ShownKey>,
    Path(act): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let done = async {
        let form = forgery::read(key.0.expose_secret(), &headers, body).await?;
        let (remedy, done) = remedy(&act, &form)?;
        match db.remedy(&remedy).await {
            Ok(true) => Ok(done),
            Ok(false) => Ok("nothing_done"),
            Err(error) if error.is_callers() => Err(Stop::Malformed(error.to_string())),
            Err(error) => Err(Stop::Failed(error)),
        }
    };
    match done.await {
        Ok(done) => acts::see(&acts::with_done(ROOT, done)),
        Err(stop) => stop.shown_at(ROOT),
    }
}

/// The token of the forms of whoever shows a key.
fn token(key: &ShownKey) -> String {
    forgery::token(key.0.expose_secret())
}

/// What a form asks for, and the word that says that it was done.
fn remedy(act: &str, form: &Fields) -> Result<(Remedy, &'static str), Stop> {
    let text = |name: &str| {
        let given = form.get(name).map(str::to_owned);
        given.ok_or_else(|| Stop::Malformed(format!("the form has no {name}")))
    };
    let id = |name: &str| {
        let given = text(name)?;
        given
            .parse()
            .map_err(|_| Stop::Malformed(format!("{name} is {:?}, no UUID", words::shortened(&given, 40))))
    };
    Ok(match act {
        "unblock-account" => {
            (Remedy::UnblockAccount(id("account")?, form.get("action").map(str::to_owned)), "unblocked")
        }
        "unblock-server" => (Remedy::UnblockServer(text("platform")?, text("host")?), "server_unblocked"),
        "retry-job" => (Remedy::Retry(id("job")?), "job_retried"),
        "purge-job" => (Remedy::Purge(id("job")?), "job_purged"),
        "pause" => (Remedy::Pause, "queue_paused"),
        "resume" => (Remedy::Resume, "queue_resumed"),
        _ => return Err(Stop::NotFound),
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_act_asks_for_one_thing_and_says_what_it_needs() {
        let id = Uuid::from_u128(7);
        let of = |act: &str, form: &str| remedy(act, &Fields::of(form));
        let (unblock, word) = of("unblock-account", &format!("account={id}&action=")).unwrap();
        assert_eq!((unblock, word), (Remedy::UnblockAccount(id, None), "unblocked"));
        let (server, _) = of("unblock-server", "platform=mastodon&host=a.example").unwrap();
        assert_eq!(server, Remedy::UnblockServer("mastodon".into(), "a.example".into()));
        for act in ["unblock-account", "unblock-server", "retry-job", "purge-job"] {
            assert!(matches!(of(act, "account=1&job=1&platform=x"), Err(Stop::Malformed(_))), "{act}");
        }
        for act in ["retry-job", "purge-job", "pause", "resume"] {
            let (_, word) = of(act, &format!("job={id}")).unwrap();
            assert!(words::done(word).is_some(), "{word}");
        }
        assert!(matches!(of("drop-table", ""), Err(Stop::NotFound)));
    }
}

//! The page for operators: how the whole installation is, and what can be done about it. It is at their address, for whoever shows
//! one of their keys.

mod data;
mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use tracing::info;

use super::fields::Fields;
use super::stop::Stop;
use super::{acts, assets, forgery, shell, words};
use crate::db::api::Refusal;
use crate::db::{Db, Remedy, Scope};
use crate::error::Error;
use crate::http::api_key::{ApiKeys, ShownKey};
use crate::http::recent::Recent;
use data::Installation;

/// Where it is.
const ROOT: &str = "/operator";
/// What was read so long ago is read again.
const FRESH: Duration = Duration::from_secs(2);
/// How long the database may take: the connections are the worker's.
const LIMIT: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Source {
    db: Db,
    read: Arc<Recent<(DateTime<Utc>, Arc<Installation>)>>,
}

/// Its addresses.
pub(in crate::http) fn routes(db: Db, keys: &ApiKeys) -> Router {
    Router::new()
        .route("/operator", keys.guard_page(get(page)))
        .route("/operator/do/{act}", keys.guard_page(post(act)))
        .route("/operator/style.css", get(assets::style))
        .route("/operator/script.js", get(assets::script))
        .with_state(Source { db, read: Arc::default() })
}

impl Source {
    /// How it is, or was a moment ago, and when that was.
    async fn installation(&self) -> Result<(DateTime<Utc>, Arc<Installation>), Stop> {
        let read = async || {
            let found = timeout(LIMIT, self.db.installation()).await.map_err(|_| Stop::TooSlow)?;
            let found = found.and_then(|found| {
                serde_json::from_value(found).map_err(|error| Error::Contract(error.to_string()))
            });
            Ok((Utc::now(), Arc::new(found.map_err(Stop::Failed)?)))
        };
        self.read.or_read(FRESH, read).await
    }
}

async fn page(
    State(source): State<Source>,
    Extension(shown): Extension<ShownKey>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::of(query.as_deref().unwrap_or_default());
    let done = query.get("done").and_then(words::done);
    match source.installation().await {
        Ok((at, found)) => {
            let content = view::installation(&found, &forgery::token(shown.key.expose_secret()));
            shell::of_operator(ROOT, "Installation", done, &view::as_of(at), &content)
        }
        Err(stop) => stop.shown_at(ROOT),
    }
}

async fn act(
    State(source): State<Source>,
    Extension(shown): Extension<ShownKey>,
    Path(act): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let done: Result<_, Stop> = async {
        let form = forgery::read(shown.key.expose_secret(), &headers, body).await?;
        let (remedy, done) = remedy(&act, &form)?;
        let did = source.db.remedy(&remedy).await.map_err(|error| match Refusal::of(&error) {
            Some(refusal) => Stop::Refused { refusal, back: None },
            None => Stop::Failed(error),
        })?;
        let by = words::shortened(&shown.name, 60);
        info!(?by, ?remedy, did, "an operator has done something on the page");
        // what is held up by a breaker alone goes on without a block
        let said = did || matches!(remedy, Remedy::UnblockAccount(..) | Remedy::UnblockServer(..));
        source.read.forget().await;
        Ok(if said { done } else { "nothing_done" })
    }
    .await;
    match done {
        Ok(done) => acts::see(&acts::with_done(ROOT, done)),
        Err(stop) => stop.shown_at(ROOT),
    }
}

/// What a form asks for, and the word that says that it was done.
fn remedy(act: &str, form: &Fields) -> Result<(Remedy, &'static str), Stop> {
    let given = |name: &str| form.get(name).map(str::to_owned);
    let text = |name: &str| given(name).ok_or_else(|| Stop::Malformed(format!("the form has no {name}")));
    let id = |name: &str| {
        let no_id =
            |text: &str| Stop::Malformed(format!("{name} is {:?}, no UUID", words::shortened(text, 40)));
        form.get(name).map(|text| text.parse().map_err(|_| no_id(text))).transpose()
    };
    let needed = |name: &str| id(name)?.ok_or_else(|| Stop::Malformed(format!("the form has no {name}")));
    Ok(match act {
        "unblock-account" => (Remedy::UnblockAccount(needed("account")?, given("action")), "unblocked"),
        "unblock-server" => (Remedy::UnblockServer(text("platform")?, text("host")?), "server_unblocked"),
        "retry-job" => (Remedy::Retry(needed("job")?), "job_retried"),
        "purge-job" => (Remedy::Purge(needed("job")?), "job_purged"),
        "pause" => (Remedy::Pause, "queue_paused"),
        "resume" => {
            let (account, workspace) = (id("account")?, id("workspace")?);
            let scope = Scope { kind: given("kind"), platform: given("platform"), account, workspace };
            (Remedy::Resume(scope), "queue_resumed")
        }
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
        for act in ["unblock-account", "unblock-server", "retry-job", "purge-job", "resume"] {
            assert!(matches!(of(act, "account=1&job=1&platform=x"), Err(Stop::Malformed(_))), "{act}");
        }
        for act in ["unblock-account", "unblock-server", "retry-job", "purge-job"] {
            assert!(matches!(of(act, ""), Err(Stop::Malformed(_))), "{act}");
        }
        for act in ["retry-job", "purge-job", "pause", "resume"] {
            let (_, word) = of(act, &format!("job={id}")).unwrap();
            assert!(words::done(word).is_some(), "{word}");
        }
        let scope = Scope { platform: Some("x".into()), ..Scope::default() };
        assert_eq!(of("resume", "platform=x&kind=").unwrap().0, Remedy::Resume(scope));
        assert!(matches!(of("drop-table", ""), Err(Stop::NotFound)));
    }
}

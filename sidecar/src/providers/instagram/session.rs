//! Tokens. Of Instagram's own login they live for sixty days and are renewed with themselves; a token of a Facebook page
//! lives as long as the grant and can't be renewed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use crier_core::platform::instagram::PLATFORM;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::MAX_HANDLE;
use super::classify::read;
use crate::providers::answer::{Fields, Phase, since_1970};
use crate::providers::failure::clean;
use crate::providers::graph::{Graph, has_code, is_id};
use crate::providers::{Caller, Failure, Lifetime, Login};
use crate::secrets::Session;

/// A token is not renewed before it is so old.
const MIN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Finds out whose token it is.
pub(super) async fn login(
    server: &Graph<'_>,
    base_url: &str,
    handle: &str,
    token: &SecretString,
) -> Result<Login, Failure> {
    let me = read(Phase::Login, server.get("me", &[("fields", "user_id,username")]).await);
    let (account, session) = match me {
        Ok(me) => (Named::of(unwrapped(&me), "user_id"), own_session(server, token).await),
        // A page has no such field: it names the account that belongs to it.
        Err(failure) if has_code(&failure, 100) => {
            let fields = "instagram_business_account{id,username}";
            let page: Value = read(Phase::Login, server.get("me", &[("fields", fields)]).await)?;
            let session = Session::new(token.clone(), SecretString::default());
            (Named::of(&page["instagram_business_account"], "id"), session)
        }
        Err(failure) => return Err(failure),
    };
    let Named { id, username } = account.ok_or_else(|| {
        let message = "the token belongs to no professional account of Instagram";
        Failure::new(ErrorClass::Permission, message)
    })?;
    let asked = handle.trim_start_matches('@');
    if !asked.is_empty() && !asked.eq_ignore_ascii_case(&username) {
        return Err(Failure::new(
            ErrorClass::Config,
            format!("the token belongs to {username}, not to {asked}"),
        ));
    }
    Ok(Login { external_id: id, handle: username, base_url: base_url.to_owned(), session })
}

/// The id and the name of the account that a token of Instagram's own login is of.
pub(super) async fn whose(server: &Graph<'_>) -> Result<(String, String), Failure> {
    let me: Value = read(Phase::Login, server.get("me", &[("fields", "user_id,username")]).await)?;
    let Named { id, username } = Named::of(unwrapped(&me), "user_id").ok_or_else(|| {
        let message = "the token belongs to no professional account of Instagram";
        Failure::new(ErrorClass::Permission, message)
    })?;
    Ok((id, username))
}

/// A token that was made now, with what the platform says of its life.
pub(super) fn made(token: SecretString, expires_in: &Value) -> Session {
    let life = expires_in.as_u64().map(Duration::from_secs).or(PLATFORM.token_life);
    session(token, life.unwrap_or_default())
}

/// An account in an answer.
pub(super) struct Named {
    pub(super) id: String,
    pub(super) username: String,
}

impl Named {
    pub(super) fn of(json: &Value, id: &str) -> Option<Self> {
        let id =
            json[id].as_str().map(str::to_owned).or_else(|| json[id].as_u64().map(|id| id.to_string()))?;
        let username = clean(json["username"].as_str()?, MAX_HANDLE);
        (is_id(&id) && !username.is_empty()).then_some(Self { id, username })
    }
}

/// The documents show the account in a list of one, the servers answer without.
fn unwrapped(me: &Value) -> &Value {
    me["data"].get(0).unwrap_or(me)
}

/// How old a token is nobody tells, and one that has ended can't be renewed. So it is renewed at once; what is too young
/// for that is less than a day old.
async fn own_session(server: &Graph<'_>, token: &SecretString) -> Session {
    renew(server, token).await.unwrap_or_else(|_| {
        let life = PLATFORM.token_life.unwrap_or_default().saturating_sub(MIN_AGE);
        session(token.clone(), life)
    })
}

/// Renews a session.
pub(super) async fn refresh(server: &Graph<'_>, caller: &Caller) -> Result<Session, Failure> {
    if caller.session.refresh.expose_secret().is_empty() {
        let message =
            "the token of a page can't be renewed: connect the account again with `crierd account add`";
        return Err(Failure::new(ErrorClass::AuthRevoked, message));
    }
    // A token that is refused and too young to be renewed may only have met a passing fault: it is no reason to give up
    // the account or the post.
    renew(server, &caller.session.refresh).await.map_err(|failure| match has_code(&failure, 100) {
        true => Failure { class: ErrorClass::Transient, ..failure },
        false => failure,
    })
}

/// Only what a session needs: an odd field must not cost the new token.
#[derive(Deserialize)]
struct Renewed {
    access_token: SecretString,
    #[serde(default)]
    expires_in: Value,
}

/// This call takes the token in the address alone. No error tells an address, and libraries don't log.
async fn renew(server: &Graph<'_>, token: &SecretString) -> Result<Session, Failure> {
    let query = [("grant_type", "ig_refresh_token"), ("access_token", token.expose_secret())];
    let answer = server.get_unversioned("refresh_access_token", &query).await;
    let Fields(Renewed { access_token, expires_in }) = read(Phase::Refresh, answer)?;
    if access_token.expose_secret().is_empty() {
        return Err(Failure::new(ErrorClass::Transient, "the answer holds no token"));
    }
    Ok(made(access_token, &expires_in))
}

fn session(token: SecretString, life: Duration) -> Session {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let expires_at = Some(now.saturating_add(life).as_secs());
    Session { expires_at, ..Session::new(token.clone(), token) }
}

/// When a token was made and when it ends, for those that do. It is renewed with itself, so its end is the end of that.
pub(super) fn lifetime(session: &Session) -> Lifetime {
    let expires_at = session.expires_at.map(since_1970);
    let life = PLATFORM.token_life.unwrap_or_default();
    Lifetime {
        issued_at: expires_at.and_then(|at| at.checked_sub(life)),
        expires_at,
        refresh_expires_at: expires_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_account_has_an_id_and_a_name() {
        let found = |me: Value| Named::of(unwrapped(&me), "user_id").map(|named| (named.id, named.username));
        let alice = Some(("17841".to_owned(), "alice".to_owned()));
        assert_eq!(found(json!({ "user_id": "17841", "username": "alice", "id": "9" })), alice);
        assert_eq!(found(json!({ "user_id": 17841, "username": "alice" })), alice);
        assert_eq!(found(json!({ "data": [{ "user_id": "17841", "username": "alice" }] })), alice);
        for odd in [
            json!(null),
            json!([]),
            json!({ "data": [] }),
            json!({ "user_id": "17841" }),
            json!({ "user_id": "1/2", "username": "alice" }),
            json!({ "user_id": -1, "username": "alice" }),
            json!({ "user_id": "17841", "username": "\u{0}" }),
        ] {
            assert_eq!(found(odd.clone()), None, "{odd}");
        }
    }

    #[test]
    fn a_token_that_ends_says_since_when_it_is() {
        let made = lifetime(&Session { expires_at: Some(6_000_000), ..Session::new("a".into(), "a".into()) });
        assert_eq!(made.expires_at, Some(since_1970(6_000_000)));
        assert_eq!(made.issued_at, Some(since_1970(6_000_000 - 5_184_000)));
        assert_eq!(made.refresh_expires_at, made.expires_at);
        assert_eq!(lifetime(&Session::new("a".into(), SecretString::default())), Lifetime::default());
    }
}

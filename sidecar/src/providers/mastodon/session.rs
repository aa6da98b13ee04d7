//! Sessions: an access token that the account's owner made. There is nothing to renew.

use crier_core::error_class::ErrorClass;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, Id, read};
use crate::providers::answer::Phase;
use crate::providers::federated::host;
use crate::providers::{Failure, Login};
use crate::secrets::Session;

const VERIFY: &str = "api/v1/accounts/verify_credentials";

/// The most characters of a name.
const MAX_NAME: usize = 100;

#[derive(Deserialize)]
struct Me {
    id: Id,
    username: String,
}

/// Finds out whose token it is.
pub(super) async fn login(
    server: &Api<'_>,
    base_url: &str,
    handle: &str,
    token: &SecretString,
) -> Result<Login, Failure> {
    let me = me(server).await?;
    check_name(&me.username, handle)?;
    let posts = server.get(&format!("api/v1/accounts/{}/statuses?limit=1", me.id.as_str())).await;
    read::<Vec<Value>>(Phase::Login, posts).map_err(needs_to_read)?;
    Ok(Login {
        handle: format!("{}@{}", me.username, host(base_url)),
        external_id: me.id.into(),
        base_url: base_url.to_owned(),
        session: Session::new(token.clone(), SecretString::default()),
    })
}

/// The id of the account that the token is of, and its name with its server.
pub(super) async fn whose(server: &Api<'_>, base_url: &str) -> Result<(String, String), Failure> {
    let me = me(server).await?;
    Ok((me.id.into(), format!("{}@{}", me.username, host(base_url))))
}

async fn me(server: &Api<'_>) -> Result<Me, Failure> {
    let me: Me = read(Phase::Login, server.get(VERIFY).await)?;
    if is_name(&me.username) {
        return Ok(me);
    }
    Err(Failure::new(ErrorClass::Transient, "the answer names no account"))
}

fn is_name(username: &str) -> bool {
    (1..=MAX_NAME).contains(&username.len())
        && username.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// A token of another account than the one that was named would publish in the wrong name.
fn check_name(username: &str, handle: &str) -> Result<(), Failure> {
    let named = handle.trim_start_matches('@').split('@').next().unwrap_or_default();
    if named.eq_ignore_ascii_case(username) {
        return Ok(());
    }
    let message = format!("the access token belongs to the account {username}, not to {named}");
    Err(Failure::new(ErrorClass::Permission, message))
}

/// Without that, nobody could tell after a lost answer whether a post is there.
fn needs_to_read(failure: Failure) -> Failure {
    if failure.class != ErrorClass::Permission {
        return failure;
    }
    let message =
        "the access token does not let the account's own posts be read: it needs the scope read:statuses";
    Failure { message: message.into(), ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_that_of_the_account_that_was_named() {
        for handle in ["alice", "@alice", "Alice@a.example", "@alice@a.example"] {
            assert_eq!(check_name("alice", handle), Ok(()), "{handle}");
        }
        let failure = check_name("bob", "@alice@a.example").unwrap_err();
        assert!(failure.message.contains("bob") && failure.message.contains("alice"), "{failure}");
        for odd in ["", "a b", "a\0", "a/b", "é"] {
            assert!(!is_name(odd), "{odd}");
        }
    }
}

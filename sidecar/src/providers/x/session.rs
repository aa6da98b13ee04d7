//! Sessions: tokens that were made for the operator's app, renewed with a refresh token that is good once.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use secrecy::SecretString;
use serde::Deserialize;

use super::api::{Api, is_id, read};
use super::connect::FLOW;
use super::tweet::is_handle;
use crate::providers::answer::Phase;
use crate::providers::{Failure, Login};

#[derive(Deserialize)]
struct Me {
    data: User,
}

#[derive(Deserialize)]
struct User {
    id: String,
    username: String,
}

/// Finds out whose tokens these are.
pub(super) async fn login(
    server: &Api<'_>,
    base_url: &str,
    handle: &str,
    secret: &SecretString,
) -> Result<Login, Failure> {
    let session = FLOW.pasted(secret, SystemTime::now());
    let (id, username) = whose(&server.with(&session)).await?;
    if !username.eq_ignore_ascii_case(handle.trim_start_matches('@')) {
        let message = format!("the access token is of @{username}");
        return Err(Failure::new(ErrorClass::Config, message));
    }
    Ok(Login { external_id: id, handle: username, base_url: base_url.to_owned(), session })
}

/// The id and the name of the account that the session is of.
pub(super) async fn whose(server: &Api<'_>) -> Result<(String, String), Failure> {
    let me: Me = read(Phase::Login, server.get("users/me", &[]).await)?;
    let User { id, username } = me.data;
    if !is_id(&id) || !is_handle(&username) {
        return Err(Failure::new(ErrorClass::Transient, "the answer names no account"));
    }
    Ok((id, username))
}

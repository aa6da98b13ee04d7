//! Sessions: a jwt, which is pasted or had for a password. It has no end and is not renewed.

use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::api::{Api, read};
use crate::client::Client;
use crate::providers::answer::{Fields, Phase};
use crate::providers::{Failure, Login};
use crate::secrets::Session;

/// What a server says about the caller.
#[derive(Debug, Deserialize)]
struct Site {
    #[serde(default)]
    my_user: Option<Me>,
    #[serde(default)]
    all_languages: Vec<Language>,
}

#[derive(Debug, Deserialize)]
struct Language {
    id: u64,
    code: String,
}

/// Who the caller is, and what it has chosen not to see.
#[derive(Debug, Deserialize)]
pub(super) struct Me {
    local_user_view: View,
    instance_blocks: Vec<InstanceBlock>,
    #[serde(default)]
    discussion_languages: Vec<u64>,
}

impl Me {
    /// Whether the account sees nothing of a server.
    pub(super) fn blocks(&self, instance: u64) -> bool {
        self.instance_blocks.iter().any(|block| block.instance.id == instance)
    }
}

#[derive(Debug, Deserialize)]
struct InstanceBlock {
    instance: Instance,
}

#[derive(Debug, Deserialize)]
struct Instance {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct View {
    local_user: Choices,
    person: Person,
}

#[derive(Debug, Deserialize)]
struct Choices {
    show_nsfw: bool,
    show_bot_accounts: bool,
    show_read_posts: bool,
}

#[derive(Debug, Deserialize)]
struct Person {
    id: u64,
    name: String,
    #[serde(default)]
    bot_account: bool,
}

#[derive(Deserialize)]
struct Opened {
    #[serde(default)]
    jwt: Option<SecretString>,
}

/// Opens a session, unless the secret is one, and finds out whose it is.
pub(super) async fn login(
    client: &Client,
    base_url: &str,
    handle: &str,
    secret: &SecretString,
) -> Result<Login, Failure> {
    let named = handle.trim_start_matches('@').split('@').next().unwrap_or_default();
    let jwt = if is_jwt(secret.expose_secret()) {
        secret.clone()
    } else {
        let body = json!({"username_or_email": named, "password": secret.expose_secret()}).to_string();
        let answer = Api::new(client, base_url, None).post("user/login", body).await;
        let Fields(Opened { jwt }) = read(Phase::Login, answer).map_err(with_second_factor)?;
        jwt.ok_or_else(|| {
            Failure::new(ErrorClass::Permission, "the server opened no session for the account")
        })?
    };
    let me = me(&Api::new(client, base_url, Some(&jwt)), Phase::Login).await?;
    let Person { id, name, .. } = &me.local_user_view.person;
    if !name.eq_ignore_ascii_case(named) {
        let message = format!("the session belongs to {name}, not to {named}");
        return Err(Failure::new(ErrorClass::Permission, message));
    }
    sees_its_own(&me)?;
    Ok(Login {
        external_id: id.to_string(),
        handle: name.clone(),
        base_url: base_url.to_owned(),
        session: Session::new(jwt, SecretString::default()),
    })
}

fn with_second_factor(failure: Failure) -> Failure {
    if failure.code.as_deref() != Some("missing_totp_token") {
        return failure;
    }
    let message = "the account has a second factor: paste the jwt of a session in the place of its password";
    Failure { message: message.into(), ..failure }
}

/// Three parts, of which the first is an object in base64.
fn is_jwt(secret: &str) -> bool {
    secret.starts_with("eyJ") && secret.split('.').filter(|part| !part.is_empty()).count() == 3
}

async fn site(server: &Api<'_>, phase: Phase) -> Result<Site, Failure> {
    let Fields(site) = read(phase, server.get("site").await)?;
    Ok(site)
}

/// Who the caller is. A session that is not taken is answered as nobody's.
pub(super) async fn me(server: &Api<'_>, phase: Phase) -> Result<Me, Failure> {
    let nobody = || Failure::new(phase.unauthorized(), "the server does not take the account's session");
    site(server, phase).await?.my_user.ok_or_else(nobody)
}

/// Whether lists show the account all of its own posts. They leave out what it has chosen not to see.
pub(super) fn sees_its_own(me: &Me) -> Result<(), Failure> {
    let View { local_user, person } = &me.local_user_view;
    let undetermined = me.discussion_languages.is_empty() || me.discussion_languages.contains(&0);
    let missing = [
        (local_user.show_nsfw, "\"Show NSFW content\""),
        (local_user.show_read_posts, "\"Show read posts\""),
        (local_user.show_bot_accounts || !person.bot_account, "\"Show bot accounts\""),
        (undetermined, "the language \"Undetermined\""),
    ];
    let Some((_, setting)) = missing.into_iter().find(|(is_on, _)| !is_on) else { return Ok(()) };
    let message = format!(
        "the account does not see all of its own posts, so that a lost answer could not be settled: switch {setting} on \
         in its settings on the server"
    );
    Err(Failure::new(ErrorClass::Permission, message))
}

/// The id of a language, which has to be among the account's own: it would not see its post otherwise.
pub(super) async fn language(server: &Api<'_>, code: &str) -> Result<u64, Failure> {
    let site = site(server, Phase::Prepare).await?;
    let found = site.all_languages.iter().find(|language| language.code.eq_ignore_ascii_case(code));
    let own = site.my_user.map(|me| me.discussion_languages).unwrap_or_default();
    match found {
        Some(language) if own.is_empty() || own.contains(&language.id) => Ok(language.id),
        Some(_) => {
            let message = format!("the language {code} is not among those of the account");
            Err(Failure::new(ErrorClass::ContentInvalid, message))
        }
        None => {
            let message = format!("the account's server does not know the language {code}");
            Err(Failure::new(ErrorClass::ContentInvalid, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_is_told_from_a_password() {
        assert!(is_jwt("eyJ0eXAi.eyJzdWIi.c2ln"));
        for password in ["", "eyJ0eXAi", "correct.horse.battery", "eyJ.a.", "eyJ.a.b.c"] {
            assert!(!is_jwt(password), "{password}");
        }
    }
}

//! Who asks, and for which workspace. Looked up anew for each request: whoever is no longer a member finds nothing more.

use std::collections::HashMap;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Method;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use crier_core::rights::{self, Role};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::cookie::Cookie;
use super::fields::Fields;
use super::stop::Stop;
use super::{Dashboard, ROOT, forgery};
use crate::db::dashboard::MY_WORKSPACES;
use crate::http::api::{Endpoint, Identity, Refused, seconds_until_room};
use crate::http::requests::Asking;

/// A person who is signed in.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) identity: Identity,
    session: SecretString,
    /// In which they read and write times; none: nobody has chosen one.
    chosen: Option<Tz>,
    pub(super) now: DateTime<Utc>,
    /// The page they ask for, and its query.
    pub(super) here: String,
    pub(super) query: Fields,
}

/// One of their workspaces.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Workspace {
    #[serde(rename = "workspace_id")]
    pub(super) id: Uuid,
    pub(super) name: String,
    role: String,
}

/// A person who asks for something of one of their workspaces.
#[derive(Debug)]
pub(super) struct Asked {
    person: Person,
    pub(super) workspace: Workspace,
    ids: HashMap<String, String>,
}

impl Person {
    pub(super) fn zone(&self) -> Tz {
        self.chosen.unwrap_or(Tz::UTC)
    }

    pub(super) fn has_chosen_zone(&self) -> bool {
        self.chosen.is_some()
    }

    pub(super) fn session(&self) -> &str {
        self.session.expose_secret()
    }

    /// What their forms carry.
    pub(super) fn form_token(&self) -> String {
        forgery::token(self.session())
    }

    /// When their token ends.
    pub(super) fn ends_at(&self) -> Option<DateTime<Utc>> {
        ends_at(&self.identity)
    }
}

impl Workspace {
    /// What they are in it; what nobody knows may do as little as can be.
    pub(super) fn role(&self) -> Role {
        Role::from_str(&self.role).unwrap_or(Role::Viewer)
    }

    pub(super) fn base(&self) -> String {
        format!("{ROOT}/w/{}", self.id)
    }
}

impl Deref for Asked {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}

impl Asked {
    /// Where all of the workspace is.
    pub(super) fn base(&self) -> String {
        self.workspace.base()
    }

    /// Whether they see the button for a function. Whether they may call it, SQL decides.
    pub(super) fn may(&self, function: &str) -> bool {
        let needs = rights::FUNCTIONS.iter().find(|(name, _)| *name == function).map(|(_, needs)| *needs);
        match needs {
            Some(rights::Needs::Role(role) | rights::Needs::EachRow(role)) => self.workspace.role() >= role,
            Some(rights::Needs::Nothing) => true,
            None => false,
        }
    }

    /// An id in the address.
    pub(super) fn id(&self, name: &str) -> Result<Uuid, Stop> {
        self.ids.get(name).and_then(|text| Uuid::try_parse(text).ok()).ok_or(Stop::NotFound)
    }

    /// A word in the address.
    pub(super) fn word(&self, name: &str) -> &str {
        self.ids.get(name).map_or("", String::as_str)
    }
}

/// When a token ends.
pub(super) fn ends_at(identity: &Identity) -> Option<DateTime<Utc>> {
    let claims: Value = serde_json::from_str(&identity.claims).ok()?;
    DateTime::from_timestamp(claims["exp"].as_f64()? as i64, 0)
}

/// Marks what a page asks by itself: it does not count.
#[derive(Clone, Copy)]
pub(super) struct Uncounted;

/// Pages and acts are requests as those of the API are. Answers whether the user is a machine.
async fn count(dashboard: &Dashboard, user: Uuid) -> Result<bool, Stop> {
    let counted = dashboard.api.own.count_request(user, Endpoint::General.name()).await;
    let allowance = counted.map_err(Stop::Failed)?;
    if allowance.allowed {
        return Ok(allowance.api_key.is_some());
    }
    Err(Stop::TooMany { max: allowance.max, seconds: seconds_until_room(&allowance) })
}

impl FromRequestParts<Arc<Dashboard>> for Person {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Arc<Dashboard>) -> Result<Self, Stop> {
        let here = parts.uri.path_and_query().map_or(ROOT, |path| path.as_str()).to_owned();
        let query = Fields::of(parts.uri.query().unwrap_or_default());
        // after a form, the page under its address may be none
        let to = if parts.method == Method::GET { here.clone() } else { ROOT.to_owned() };
        let sign_in = |why| Stop::SignIn { why, to: to.clone() };
        let session = Cookie::Session.read(&parts.headers).ok_or_else(|| sign_in(None))?;
        let identity = dashboard.api.verifier.verify(session, SystemTime::now()).await;
        let identity = identity.map_err(|refused| sign_in(Some(refused)))?;
        Asking::is(&parts.extensions, identity.user);
        let is_machine = match parts.extensions.get::<Uncounted>() {
            Some(_) => dashboard.api.own.is_api_key(identity.user).await.map_err(Stop::Failed)?,
            None => count(dashboard, identity.user).await?,
        };
        // machines have no business here, nor has a token that names one
        if is_machine {
            return Err(sign_in(Some(Refused::Nobody)));
        }
        let chosen = Cookie::Zone.read(&parts.headers).and_then(|name| name.parse().ok());
        Ok(Self { identity, session: SecretString::from(session), chosen, now: Utc::now(), here, query })
    }
}

impl FromRequestParts<Arc<Dashboard>> for Asked {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Arc<Dashboard>) -> Result<Self, Stop> {
        let person = Person::from_request_parts(parts, dashboard).await?;
        let ids = RawPathParams::from_request_parts(parts, dashboard).await.map_err(|_| Stop::NotFound)?;
        let ids: HashMap<_, _> = ids.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let wanted =
            ids.get("workspace").and_then(|text| Uuid::try_parse(text).ok()).ok_or(Stop::NotFound)?;
        let mine: Vec<Workspace> = dashboard.read(&person.identity, &MY_WORKSPACES, json!({})).await?;
        let workspace = mine.into_iter().find(|workspace| workspace.id == wanted).ok_or(Stop::NotFound)?;
        Ok(Self { person, workspace, ids })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A person at a Tuesday noon in Berlin who asks for the inbox of a workspace.
    pub(in crate::http::dashboard) fn asked(role: &str) -> Asked {
        let user = Uuid::from_u128(1);
        let claims = json!({ "sub": user, "exp": 1_900_000_000 }).to_string();
        let workspace = Workspace { id: Uuid::from_u128(2), name: "Acme <b>".into(), role: role.into() };
        let person = Person {
            identity: Identity { user, claims },
            session: SecretString::from("a.b.c"),
            chosen: Some(Tz::Europe__Berlin),
            now: "2026-12-01T11:00:00Z".parse().unwrap(),
            here: workspace.base(),
            query: Fields::default(),
        };
        Asked { person, workspace, ids: HashMap::new() }
    }

    impl Asked {
        pub(in crate::http::dashboard) fn with_query(&mut self, query: Fields) {
            self.person.query = query;
        }
    }

    #[test]
    fn buttons_are_for_those_who_may() {
        let may = |role, function| asked(role).may(function);
        assert!(!may("viewer", "create_post") && may("editor", "create_post"));
        assert!(!may("editor", "block_account") && may("admin", "block_account"));
        assert!(
            may("viewer", "list_posts")
                && !may("owner", "no_such_function")
                && !may("stranger", "create_post")
        );
    }

    #[test]
    fn a_session_ends_with_its_token() {
        assert_eq!(asked("viewer").ends_at().unwrap().timestamp(), 1_900_000_000);
        assert!(!format!("{:?}", asked("viewer")).contains("a.b.c"));
    }
}

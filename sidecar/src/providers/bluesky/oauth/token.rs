//! The calls of the server that makes sessions: a login is pushed, a code exchanged, a token renewed or taken back. Each with a
//! proof of the session's key, and with what says who the app is.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::app::{self, ClientKeys};
use super::classify::failure;
use super::dpop::{Prover, hide};
use super::issuer::Issuer;
use super::nonces::{Nonces, Side};
use crate::client::{Answer, CallError, Client};
use crate::providers::Failure;
use crate::providers::answer::{Fields, Phase, content, unclear};
use crate::secrets::Es256;

/// An access token that does not say how long it is good.
const USUAL_LIFE: Duration = Duration::from_secs(30 * 60);
/// No access token is believed to be good for longer.
const MAX_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest name of a pushed login.
const MAX_REQUEST: usize = 500;

/// One session's calls to the server that makes it.
pub(super) struct Endpoint<'a> {
    pub(super) client: &'a Client,
    pub(super) nonces: &'a Nonces,
    pub(super) keys: &'a ClientKeys,
    pub(super) issuer: &'a Issuer,
    pub(super) app: &'a app::Client,
    pub(super) key: &'a Es256,
}

/// What a server gives for a code or a token. Only the access token is a must: the old one is spent, so an odd field must not
/// cost the new one.
#[derive(Debug, Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: SecretString,
    #[serde(default)]
    pub(super) refresh_token: Option<SecretString>,
    #[serde(default)]
    token_type: Value,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    scope: Value,
    #[serde(default)]
    sub: Value,
}

impl Tokens {
    /// Whose account it is.
    pub(super) fn sub(&self) -> Option<&str> {
        self.sub.as_str()
    }

    /// Whether they are of use with a proof only.
    pub(super) fn are_bound(&self) -> bool {
        self.token_type.as_str().is_some_and(|name| name.eq_ignore_ascii_case("DPoP"))
    }

    /// What of that was asked for was not granted.
    pub(super) fn missing(&self, scope: &str) -> Vec<String> {
        let granted: Vec<_> = self.scope.as_str().unwrap_or_default().split(' ').collect();
        scope.split(' ').filter(|asked| !granted.contains(asked)).map(str::to_owned).collect()
    }

    /// How long the access token is good.
    pub(super) fn life(&self) -> Duration {
        self.expires_in.as_u64().map_or(USUAL_LIFE, Duration::from_secs).min(MAX_LIFE)
    }
}

impl Endpoint<'_> {
    /// Has a login written down there, so that the person's browser carries nothing of it but a name (RFC 9126).
    pub(super) async fn push(&self, login: &[(&str, &str)]) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Pushed {
            request_uri: String,
        }
        let answer = self.post(&self.issuer.pushed, login, Phase::Login).await?;
        let pushed: Pushed = content(Phase::Login, &answer)?;
        let name = pushed.request_uri;
        let fits =
            (1..=MAX_REQUEST).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(name) } else { Err(Failure::new(ErrorClass::Transient, "the login was given no name")) }
    }

    /// Tokens for a code.
    pub(super) async fn exchange(
        &self,
        code: &SecretString,
        verifier: &SecretString,
        redirect_uri: &str,
    ) -> Result<Tokens, Failure> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("code_verifier", verifier.expose_secret()),
            ("redirect_uri", redirect_uri),
        ];
        let answer = self.post(&self.issuer.token, &fields, Phase::Login).await?;
        content(Phase::Login, &answer).map(|Fields(tokens)| tokens)
    }

    /// New tokens for a refresh token, which is spent with it. Where no clear answer comes, nobody knows whether it is.
    pub(super) async fn refresh(&self, token: &SecretString) -> Result<Tokens, Failure> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())];
        let answer = self.post(&self.issuer.token, &fields, Phase::Refresh).await?;
        content(Phase::Refresh, &answer).map(|Fields(tokens)| tokens).map_err(Failure::into_unknown)
    }

    /// Ends a session that nobody will use. Whether it worked makes no difference to anyone.
    pub(super) async fn revoke(&self, token: &SecretString) {
        if let Some(url) = &self.issuer.revocation {
            let _ = self.post(url, &[("token", token.expose_secret())], Phase::Login).await;
        }
    }

    /// Sends a form, and who the app is with it.
    async fn post(&self, url: &str, fields: &[(&str, &str)], phase: Phase) -> Result<Answer, Failure> {
        // Before anything is sent: a refresh by nobody ends the session.
        self.app.says(self.keys, &self.issuer.name, SystemTime::now())?;
        let (mut said, mut refused) = (None, None);
        let prover = Prover {
            client: self.client,
            nonces: self.nonces,
            side: Side::Issuer,
            key: self.key,
            access: None,
        };
        let answer = prover
            .call(Method::POST, url, |request| {
                // each anew: some servers take what an app says of itself once
                let app = self.app.says(self.keys, &self.issuer.name, SystemTime::now());
                let app = app.map_err(|failure| refused = Some(failure)).ok()?;
                let own = app.iter().map(|(name, value)| (*name, value.expose_secret()));
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields.iter().copied().chain(own));
                let form = Zeroizing::new(form.finish());
                said = app.into_iter().find(|(name, _)| *name == "client_assertion").map(|(_, value)| value);
                let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                Some(request.body(form.as_bytes().to_vec()))
            })
            .await;
        if let Some(failure) = refused {
            return Err(failure);
        }
        let mut answer = answer.map_err(|error| {
            let failure = unclear(phase, &error);
            let may_be_spent = phase == Phase::Refresh && matches!(error, CallError::Unclear(_));
            if may_be_spent { failure.into_unknown() } else { failure }
        })?;
        if let Some(assertion) = &said {
            hide(assertion, &mut answer);
        }
        if (200..=201).contains(&answer.status) {
            return Ok(answer);
        }
        Err(failure(phase, &answer, SystemTime::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tokens(answer: Value) -> Tokens {
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn tokens_tell_what_they_are() {
        let told = tokens(json!({
            "access_token": "a", "refresh_token": "r", "token_type": "dpop", "expires_in": 3600,
            "scope": "atproto transition:generic", "sub": "did:plc:a",
        }));
        assert!(told.are_bound());
        assert_eq!((told.sub(), told.life()), (Some("did:plc:a"), Duration::from_secs(3_600)));
        assert!(told.missing("atproto transition:generic").is_empty());
        let less = tokens(
            json!({ "access_token": "a", "scope": "atproto transition:email", "token_type": "Bearer" }),
        );
        assert_eq!(less.missing("atproto transition:generic"), ["transition:generic"]);
        assert!(!less.are_bound());
    }

    #[test]
    fn an_odd_field_does_not_cost_the_token() {
        for (name, value) in [
            ("token_type", json!(1)),
            ("expires_in", json!("soon")),
            ("expires_in", json!(-1)),
            ("scope", json!(["atproto"])),
            ("sub", json!({})),
            ("refresh_token", json!(null)),
        ] {
            let mut answer = json!({ "access_token": "a", "refresh_token": "r" });
            answer[name] = value;
            assert_eq!(tokens(answer).life(), USUAL_LIFE, "{name}");
        }
        assert_eq!(tokens(json!({ "access_token": "a", "expires_in": u64::MAX })).life(), MAX_LIFE);
        assert!(serde_json::from_value::<Tokens>(json!({ "refresh_token": "r" })).is_err());
    }
}

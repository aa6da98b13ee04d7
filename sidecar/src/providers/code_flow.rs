//! Connecting and renewing where a platform does both as RFC 6749 says: what differs is a [`CodeFlow`], which is data.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::{Fields, since_1970};
use super::oauth::{self, Pkce};
use super::{App, Ask, Begun, Callback, Connect, Endpoints, Failure, Granted, Kept, Lifetime};
use crate::client::{Answer, CallError, Client, basic};
use crate::secrets::Session;

/// How an app says at the token endpoint who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// By HTTP Basic; by its id alone where it has no secret.
    Basic,
    /// By its id and its secret in the form.
    Form,
}

/// What a platform's flow is.
#[derive(Debug, Clone, Copy)]
pub(super) struct CodeFlow {
    /// The platform's name.
    pub(super) platform: &'static str,
    /// Where people are asked.
    pub(super) authorize_url: &'static str,
    /// Where codes are exchanged and tokens renewed: an address, or a path on the account's server.
    pub(super) token_url: &'static str,
    /// How an app says who it is.
    pub(super) says: Says,
    /// What its id is called.
    pub(super) client_id: &'static str,
    /// Whether there is PKCE.
    pub(super) pkce: bool,
    /// What stands between scopes.
    pub(super) separator: &'static str,
    /// Nothing works without these.
    pub(super) needed: &'static [&'static str],
    /// Without these the account works, except for what needs them.
    pub(super) useful: &'static [&'static str],
    /// What else is asked with.
    pub(super) more: &'static [(&'static str, &'static str)],
    /// How long an access token is good where the platform doesn't say; what it says is not believed beyond `longest`.
    pub(super) life: Duration,
    /// The longest life that is believed.
    pub(super) longest: Duration,
}

/// What a login gave.
#[derive(Debug)]
pub(super) struct Exchanged {
    pub(super) session: Session,
    /// The scopes.
    pub(super) granted: Vec<String>,
}

/// Only what a session needs: the code, or the old token, is spent, so an odd field must not cost the new one.
#[derive(Deserialize)]
pub(super) struct Renewed {
    access_token: SecretString,
    #[serde(default)]
    refresh_token: Option<SecretString>,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    refresh_expires_in: Value,
    #[serde(default)]
    refresh_token_expires_in: Value,
    #[serde(default)]
    scope: Value,
}

#[derive(Default, Serialize, Deserialize)]
struct Remembered {
    #[serde(default)]
    verifier: Option<String>,
}

impl CodeFlow {
    /// Makes the address the person is sent to.
    pub(super) fn begin(&self, endpoints: &Endpoints, ask: &Ask<'_>) -> Result<Begun, Failure> {
        let app = oauth::own_app(ask.app, self.platform)?;
        let pkce = self.pkce.then(Pkce::new).transpose()?;
        let scope = [self.needed, self.useful].concat().join(self.separator);
        let mut params = vec![
            ("response_type", "code"),
            (self.client_id, app.client_id.as_str()),
            ("redirect_uri", ask.redirect_uri),
            ("scope", &scope),
            ("state", ask.state.expose_secret()),
        ];
        params.extend(self.more);
        if let Some(pkce) = &pkce {
            params.extend([("code_challenge", pkce.challenge.as_str()), ("code_challenge_method", "S256")]);
        }
        let page = endpoints.authorize_url.as_deref().unwrap_or(self.authorize_url);
        let authorize_url = oauth::address(page, &params)?;
        let verifier = pkce.map(|pkce| pkce.verifier.expose_secret().to_owned());
        Ok(Begun { authorize_url, kept: Kept::of(&Remembered { verifier })? })
    }

    /// Exchanges the code.
    pub(super) async fn exchange(
        &self,
        client: &Client,
        endpoints: &Endpoints,
        kept: &Kept,
        callback: &Callback<'_>,
    ) -> Result<Exchanged, Failure> {
        self.exchange_with(client, endpoints, (kept, callback), &[], oauth::answered).await
    }

    /// The same with more in the form, and where the platform refuses in words of its own. `read`: how its answers are read.
    pub(super) async fn exchange_with(
        &self,
        client: &Client,
        endpoints: &Endpoints,
        (kept, callback): (&Kept, &Callback<'_>),
        more: &[(&str, &str)],
        read: impl FnOnce(Result<Answer, CallError>) -> Result<Renewed, Failure>,
    ) -> Result<Exchanged, Failure> {
        let ask = &callback.ask;
        let app = oauth::own_app(ask.app, self.platform)?;
        let Remembered { verifier } = kept.read()?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", callback.code.expose_secret()),
            ("redirect_uri", ask.redirect_uri),
        ];
        form.extend(verifier.as_deref().map(|verifier| ("code_verifier", verifier)));
        form.extend(more);
        let request = self.form(client, &self.token_url(endpoints, ask.server), app, form);
        let tokens = read(client.send(request).await)?;
        if tokens.access_token.expose_secret().is_empty() {
            return Err(Failure::new(ErrorClass::Transient, "the answer holds no token"));
        }
        let granted = oauth::granted(&tokens.scope, &[self.needed, self.useful].concat());
        Ok(Exchanged { session: self.session(tokens, SystemTime::now()), granted })
    }

    /// Which of the scopes were not granted that are useful; of those that are needed none may be missing.
    pub(super) fn missing(&self, granted: &[String]) -> Result<Vec<String>, Failure> {
        oauth::missing(granted, self.needed, self.useful, |given, wanted| given == wanted)
    }

    /// Buys new tokens. `read`: how the platform's answers are read while tokens are renewed.
    pub(super) async fn renew(
        &self,
        client: &Client,
        endpoints: &Endpoints,
        app: Option<&App>,
        (server, session): (&str, &Session),
        read: impl FnOnce(Result<Answer, CallError>) -> Result<Fields<Renewed>, Failure>,
    ) -> Result<Session, Failure> {
        if session.refresh.expose_secret().is_empty() {
            let message = "the account has no refresh token: its owner has to log in again";
            return Err(Failure::new(ErrorClass::AuthRevoked, message));
        }
        let app = oauth::own_app(app, self.platform)?;
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", session.refresh.expose_secret())];
        let request = self.form(client, &self.token_url(endpoints, server), app, form);
        let Fields(tokens) = read(client.send(request).await)?;
        if tokens.access_token.expose_secret().is_empty() {
            return Err(Failure::new(ErrorClass::OutcomeUnknown, "the answer holds no token"));
        }
        Ok(session.renewed(self.session(tokens, SystemTime::now())))
    }

    /// A session of tokens that somebody pasted, `access` or `access:refresh`: it ends at the latest so much later.
    pub(super) fn pasted(&self, secret: &SecretString, now: SystemTime) -> Session {
        let (access, refresh) =
            secret.expose_secret().split_once(':').unwrap_or((secret.expose_secret(), ""));
        let session = Session::new(access.into(), refresh.into());
        Session { expires_at: ends(now, self.life), ..session }
    }

    /// Tells a server that a token will not be used; whether that worked makes no difference.
    pub(super) async fn revoke(&self, client: &Client, url: &str, app: Option<&App>, token: &SecretString) {
        let Some(app) = app else { return };
        let request = self.form(client, url, app, vec![("token", token.expose_secret())]);
        let _: Result<Answer, CallError> = client.send(request).await;
    }

    fn session(&self, tokens: Renewed, now: SystemTime) -> Session {
        let session = Session::new(tokens.access_token, tokens.refresh_token.unwrap_or_default());
        let life = tokens.expires_in.as_u64().map_or(self.life, Duration::from_secs).min(self.longest);
        let refresh = tokens.refresh_expires_in.as_u64().or(tokens.refresh_token_expires_in.as_u64());
        Session {
            expires_at: ends(now, life),
            refresh_expires_at: refresh.and_then(|seconds| ends(now, Duration::from_secs(seconds))),
            ..session
        }
    }

    fn token_url(&self, endpoints: &Endpoints, server: &str) -> String {
        match &endpoints.token_url {
            Some(url) => url.clone(),
            None if self.token_url.starts_with("https://") => self.token_url.to_owned(),
            None => format!("{server}/{}", self.token_url),
        }
    }

    /// A form from the app.
    fn form<'a>(
        &self,
        client: &Client,
        url: &str,
        app: &'a App,
        mut form: Vec<(&'a str, &'a str)>,
    ) -> RequestBuilder {
        match (self.says, &app.client_secret) {
            (Says::Basic, Some(secret)) => basic(oauth::form(client, url, &form), &app.client_id, secret),
            (_, secret) => {
                form.push((self.client_id, &app.client_id));
                form.extend(secret.iter().map(|secret| ("client_secret", secret.expose_secret())));
                oauth::form(client, url, &form)
            }
        }
    }
}

/// The account of a login: its id, its name and the scopes that are missing, where that is known and may be. Otherwise the tokens
/// that nobody will use are taken back.
pub(super) async fn concluded(
    part: &impl Connect,
    ask: &Ask<'_>,
    session: Session,
    known: Result<(String, String, Vec<String>), Failure>,
) -> Result<Vec<Granted>, Failure> {
    match known {
        Ok((external_id, handle, missing)) => {
            Ok(vec![Granted { external_id, handle, base_url: ask.server.to_owned(), session, missing }])
        }
        Err(failure) => {
            part.revoke(ask.server, ask.app, &session, ask.reach).await;
            Err(failure)
        }
    }
}

/// A time that is stored beside tokens.
fn ends(now: SystemTime, life: Duration) -> Option<u64> {
    now.checked_add(life)?.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// When tokens end whose ends are stored beside them.
pub(super) fn lifetime(session: &Session) -> Lifetime {
    Lifetime {
        expires_at: session.expires_at.map(since_1970),
        refresh_expires_at: session.refresh_expires_at.map(since_1970),
        ..Lifetime::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FLOW: CodeFlow = CodeFlow {
        platform: "x",
        authorize_url: "https://a.example/authorize",
        token_url: "oauth/token",
        says: Says::Basic,
        client_id: "client_key",
        pkce: true,
        separator: ",",
        needed: &["write"],
        useful: &["read"],
        more: &[("access_type", "offline")],
        life: Duration::from_secs(7_200),
        longest: Duration::from_secs(86_400),
    };

    fn now() -> SystemTime {
        since_1970(1_795_000_000)
    }

    fn renew(answer: Value) -> (String, String, Option<u64>, Option<u64>) {
        let old = Session { refresh_expires_at: Some(9), ..Session::new("a1".into(), "r1".into()) };
        let new = old.renewed(FLOW.session(serde_json::from_value(answer).unwrap(), now()));
        let shown = |token: &SecretString| token.expose_secret().to_owned();
        (shown(&new.access), shown(&new.refresh), new.expires_at, new.refresh_expires_at)
    }

    #[test]
    fn a_refresh_needs_only_an_access_token() {
        let all = json!({ "access_token": "a2", "refresh_token": "r2", "expires_in": 60, "refresh_expires_in": 70 });
        assert_eq!(renew(all), ("a2".into(), "r2".into(), Some(1_795_000_060), Some(1_795_000_070)));
        for odd in [json!(null), json!("7200"), json!(-1), json!({})] {
            let answer = json!({ "access_token": "a2", "expires_in": odd });
            assert_eq!(renew(answer), ("a2".into(), "r1".into(), Some(1_795_007_200), Some(9)), "{odd}");
        }
        let long = json!({ "access_token": "a2", "expires_in": u64::MAX });
        assert_eq!(renew(long).2, Some(1_795_086_400));
        assert!(serde_json::from_value::<Renewed>(json!({ "refresh_token": "r2" })).is_err());
        assert!(serde_json::from_value::<Fields<Renewed>>(json!(["a2", "r2"])).is_err());
    }

    #[test]
    fn an_app_says_who_it_is_as_its_platform_wants_it() {
        let sent = |flow: CodeFlow, client_secret: Option<&str>| {
            let app = App { client_id: "i&d".into(), client_secret: client_secret.map(Into::into) };
            let request =
                flow.form(&Client::new().unwrap(), "https://a.example/t", &app, vec![("token", "r=1")]);
            let request = request.build().unwrap();
            let body = request.body().and_then(reqwest::Body::as_bytes).unwrap().to_vec();
            (request.headers().contains_key("authorization"), String::from_utf8(body).unwrap())
        };
        let form = CodeFlow { says: Says::Form, ..FLOW };
        assert_eq!(sent(FLOW, Some("s")), (true, "token=r%3D1".into()));
        assert_eq!(sent(FLOW, None), (false, "token=r%3D1&client_key=i%26d".into()));
        assert_eq!(sent(form, Some("s")), (false, "token=r%3D1&client_key=i%26d&client_secret=s".into()));
    }

    #[test]
    fn what_was_pasted_ends_at_the_latest_so_much_later() {
        let session = FLOW.pasted(&"a:r".into(), now());
        assert_eq!((session.refresh.expose_secret(), session.expires_at), ("r", Some(1_795_007_200)));
        assert_eq!(lifetime(&session).expires_at, Some(since_1970(1_795_007_200)));
        assert_eq!(FLOW.pasted(&"a".into(), now()).refresh.expose_secret(), "");
    }

    #[test]
    fn tokens_are_bought_where_they_are_sold() {
        let moved = Endpoints { token_url: Some("https://b.example/t".into()), ..Endpoints::default() };
        let own = CodeFlow { token_url: "https://auth.example/token", ..FLOW };
        assert_eq!(
            FLOW.token_url(&Endpoints::default(), "https://a.example"),
            "https://a.example/oauth/token"
        );
        assert_eq!(own.token_url(&Endpoints::default(), "https://a.example"), "https://auth.example/token");
        assert_eq!(own.token_url(&moved, "https://a.example"), "https://b.example/t");
    }
}

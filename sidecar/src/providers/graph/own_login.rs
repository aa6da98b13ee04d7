//! The login and the tokens of Instagram and of Threads: a code gives a token of an hour, that one a token of sixty days, which
//! is renewed with itself. Meta takes no PKCE here: the state and the app's secret are what there is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::containers::read;
use super::{Graph, MAX_HANDLE, has_code, is_id};
use crate::client::Client;
use crate::providers::answer::{Fields, Phase, since_1970};
use crate::providers::failure::clean;
use crate::providers::oauth;
use crate::providers::{
    App, Ask, Begun, Callback, Endpoints, Failure, Granted, Kept, Lifetime, Login, UNKNOWN_APP,
};
use crate::secrets::Session;

/// A token is not renewed before it is so old.
const MIN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A login that gives one account.
#[derive(Debug)]
pub(in crate::providers) struct OwnLogin {
    /// The platform.
    pub(in crate::providers) platform: &'static Platform,
    /// Where people are asked.
    pub(in crate::providers) authorize: &'static str,
    /// Where codes are exchanged.
    pub(in crate::providers) token: &'static str,
    /// The grant types that make a token last, and renew it.
    pub(in crate::providers) grants: [&'static str; 2],
    /// Nothing works without these.
    pub(in crate::providers) needed: &'static [&'static str],
    /// Without these the account works, except for what needs them.
    pub(in crate::providers) useful: &'static [&'static str],
    /// What the account's id is called.
    pub(in crate::providers) id: &'static str,
    /// What is said of a token of somebody else.
    pub(in crate::providers) nobody: &'static str,
}

/// An account in an answer.
#[derive(Debug)]
pub(in crate::providers) struct Named {
    pub(in crate::providers) id: String,
    pub(in crate::providers) username: String,
}

impl Named {
    pub(in crate::providers) fn of(json: &Value, id: &str) -> Option<Self> {
        let id =
            json[id].as_str().map(str::to_owned).or_else(|| json[id].as_u64().map(|id| id.to_string()))?;
        let username = clean(json["username"].as_str()?, MAX_HANDLE);
        (is_id(&id) && !username.is_empty()).then_some(Self { id, username })
    }

    /// Refuses the token of another account than was named.
    pub(in crate::providers) fn opened(
        self,
        (base_url, handle): (&str, &str),
        session: Session,
    ) -> Result<Login, Failure> {
        let Self { id, username } = self;
        let asked = handle.trim_start_matches('@');
        if !asked.is_empty() && !asked.eq_ignore_ascii_case(&username) {
            let message = format!("the token belongs to {username}, not to {asked}");
            return Err(Failure::new(ErrorClass::Config, message));
        }
        Ok(Login { external_id: id, handle: username, base_url: base_url.to_owned(), session })
    }
}

/// Only what a session needs: an odd field must not cost the new token.
#[derive(Deserialize)]
struct Renewed {
    access_token: SecretString,
    #[serde(default)]
    expires_in: Value,
}

#[derive(Deserialize)]
struct Short {
    access_token: SecretString,
    #[serde(default)]
    permissions: Value,
}

impl OwnLogin {
    /// Makes the address the person is sent to. Scopes stand between commas, as Meta has them.
    pub(in crate::providers) fn begin(&self, endpoints: &Endpoints, ask: &Ask<'_>) -> Result<Begun, Failure> {
        let page = endpoints.authorize_url.as_deref().unwrap_or(self.authorize);
        begun((self.platform.name, page), &[self.needed, self.useful], ask)
    }

    /// Exchanges the code.
    pub(in crate::providers) async fn finish(
        &self,
        client: &Client,
        (endpoints, version): (&Endpoints, &str),
        callback: &Callback<'_>,
    ) -> Result<Vec<Granted>, Failure> {
        let ask = &callback.ask;
        let app = oauth::own_app(ask.app, self.platform.name)?;
        let form = [
            ("client_id", app.client_id.as_str()),
            ("client_secret", secret(app)?.expose_secret()),
            ("grant_type", "authorization_code"),
            ("redirect_uri", ask.redirect_uri),
            ("code", callback.code.expose_secret()),
        ];
        let token_url = endpoints.token_url.as_deref().unwrap_or(self.token);
        let answer = client.send(oauth::form(client, token_url, &form)).await;
        let short = short(read(Phase::Login, answer).map_err(of_exchange)?)?;
        let granted = oauth::granted(&short.permissions, &[self.needed, self.useful].concat());
        let missing = oauth::missing(&granted, self.needed, self.useful, |given, wanted| given == wanted)?;
        let session = self.lasting(client, app, (ask.server, version), &short.access_token).await?;
        let server = Graph::new(client, (ask.server, version), Some(&session.access));
        let me = self.me(&server).await?;
        let Named { id, username } = self.named(&me)?;
        let (external_id, handle, base_url) = (id, username, ask.server.to_owned());
        Ok(vec![Granted { external_id, handle, base_url, session, missing }])
    }

    /// This call takes the secret and the token in the address alone. No error tells an address, and libraries don't log.
    async fn lasting(
        &self,
        client: &Client,
        app: &App,
        server: (&str, &str),
        token: &SecretString,
    ) -> Result<Session, Failure> {
        let query = [
            ("grant_type", self.grants[0]),
            ("client_secret", secret(app)?.expose_secret()),
            ("access_token", token.expose_secret()),
        ];
        let answer = Graph::new(client, server, None).get_unversioned("access_token", &query).await;
        let Renewed { access_token, expires_in } = read(Phase::Login, answer)?;
        if access_token.expose_secret().is_empty() {
            return Err(no_token());
        }
        Ok(self.made(access_token, &expires_in))
    }

    /// Asks whose token it is.
    pub(in crate::providers) async fn me(&self, server: &Graph<'_>) -> Result<Value, Failure> {
        let fields = format!("{},username", self.id);
        read(Phase::Login, server.get("me", &[("fields", &fields)]).await)
    }

    /// The account in such an answer.
    pub(in crate::providers) fn named(&self, me: &Value) -> Result<Named, Failure> {
        Named::of(unwrapped(me), self.id).ok_or_else(|| Failure::new(ErrorClass::Permission, self.nobody))
    }

    /// A session of a token that somebody pasted. How old it is nobody tells, and one that has ended can't be renewed. So it is
    /// renewed at once; what is too young for that is less than a day old.
    pub(in crate::providers) async fn pasted(&self, server: &Graph<'_>, token: &SecretString) -> Session {
        self.renew(server, token)
            .await
            .unwrap_or_else(|_| session(token.clone(), self.life().saturating_sub(MIN_AGE)))
    }

    /// Renews a session. A token that is refused and too young to be renewed may only have met a passing fault: it is no reason
    /// to give up the account or the post.
    pub(in crate::providers) async fn refresh(
        &self,
        server: &Graph<'_>,
        session: &Session,
    ) -> Result<Session, Failure> {
        self.renew(server, &session.refresh).await.map_err(|failure| match has_code(&failure, 100) {
            true => Failure { class: ErrorClass::Transient, ..failure },
            false => failure,
        })
    }

    /// This call takes the token in the address alone. No error tells an address, and libraries don't log.
    async fn renew(&self, server: &Graph<'_>, token: &SecretString) -> Result<Session, Failure> {
        let query = [("grant_type", self.grants[1]), ("access_token", token.expose_secret())];
        let answer = server.get_unversioned("refresh_access_token", &query).await;
        let Fields(Renewed { access_token, expires_in }) = read(Phase::Refresh, answer)?;
        if access_token.expose_secret().is_empty() {
            return Err(no_token());
        }
        Ok(self.made(access_token, &expires_in))
    }

    /// When a token was made and when it ends, for those that do. It is renewed with itself, so its end is the end of that.
    pub(in crate::providers) fn lifetime(&self, session: &Session) -> Lifetime {
        let expires_at = session.expires_at.map(since_1970);
        Lifetime {
            issued_at: expires_at.and_then(|at| at.checked_sub(self.life())),
            expires_at,
            refresh_expires_at: expires_at,
        }
    }

    /// A token that was made now, with what the platform says of its life.
    fn made(&self, token: SecretString, expires_in: &Value) -> Session {
        session(token, expires_in.as_u64().map_or_else(|| self.life(), Duration::from_secs))
    }

    fn life(&self) -> Duration {
        self.platform.token_life.unwrap_or_default()
    }
}

/// The address of a page on which people are asked.
pub(in crate::providers) fn begun(
    (platform, page): (&str, &str),
    scopes: &[&[&str]],
    ask: &Ask<'_>,
) -> Result<Begun, Failure> {
    let app = oauth::own_app(ask.app, platform)?;
    let authorize_url = oauth::address(
        page,
        &[
            ("response_type", "code"),
            ("client_id", &app.client_id),
            ("redirect_uri", ask.redirect_uri),
            ("scope", &scopes.concat().join(",")),
            ("state", ask.state.expose_secret()),
        ],
    )?;
    Ok(Begun { authorize_url, kept: Kept::of(&Value::Null)? })
}

/// What an app needs: without its secret Meta exchanges nothing.
pub(in crate::providers) fn secret(app: &App) -> Result<&SecretString, Failure> {
    app.client_secret.as_ref().ok_or_else(|| {
        let message = "Meta gives tokens only to an app that shows its secret: set client_secret_file";
        Failure::new(ErrorClass::Config, message)
    })
}

/// What the refusal of a code means. The API says of most that a parameter is wrong; the hosts of the platforms' own logins have
/// another shape for their errors, without numbers.
pub(in crate::providers) fn of_exchange(failure: Failure) -> Failure {
    let refused = |class, code: &str| Failure { class, code: Some(code.to_owned()), ..failure.clone() };
    match failure.status {
        // Not an app, or not its secret.
        _ if has_code(&failure, 101) || failure.message.contains("client secret") => {
            refused(ErrorClass::Config, UNKNOWN_APP)
        }
        _ if has_code(&failure, 100) => Failure { class: ErrorClass::AuthRevoked, ..failure },
        Some(400) if failure.code.is_none() => Failure { class: ErrorClass::AuthRevoked, ..failure },
        _ => failure,
    }
}

/// The documents show answers in a list of one, the servers also without.
fn unwrapped(answer: &Value) -> &Value {
    answer["data"].get(0).unwrap_or(answer)
}

fn short(answer: Value) -> Result<Short, Failure> {
    serde_json::from_value(unwrapped(&answer).clone()).map_err(|_| no_token())
}

fn no_token() -> Failure {
    Failure::new(ErrorClass::Transient, "the answer holds no token")
}

fn session(token: SecretString, life: Duration) -> Session {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let expires_at = Some(now.saturating_add(life).as_secs());
    Session { expires_at, ..Session::new(token.clone(), token) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{answer, now};
    use crate::providers::graph::containers::failure;
    use crate::providers::instagram::LOGIN;
    use serde_json::json;

    #[test]
    fn a_token_is_read_in_both_shapes() {
        for answer in [
            json!({ "access_token": "a", "user_id": 7, "permissions": ["x", "y"] }),
            json!({ "data": [{ "access_token": "a", "user_id": "7", "permissions": "x,y" }] }),
        ] {
            let short = short(answer).unwrap();
            assert_eq!(short.access_token.expose_secret(), "a");
            assert_eq!(oauth::granted(&short.permissions, &[]), ["x", "y"]);
        }
        for odd in [json!({}), json!([]), json!(null), json!({ "data": [] }), json!({ "access_token": 7 })] {
            assert!(short(odd).is_err());
        }
    }

    #[test]
    fn refusals_of_a_code_have_their_classes() {
        for (body, class, code) in [
            (
                r#"{"error":{"code":100,"error_subcode":36009,"message":"x"}}"#,
                ErrorClass::AuthRevoked,
                Some("100/36009"),
            ),
            (r#"{"error":{"code":101,"message":"x"}}"#, ErrorClass::Config, Some(UNKNOWN_APP)),
            (
                r#"{"error":{"code":1,"message":"Error validating client secret."}}"#,
                ErrorClass::Config,
                Some(UNKNOWN_APP),
            ),
            (r#"{"error":{"code":2,"message":"x"}}"#, ErrorClass::Transient, Some("2")),
            (
                r#"{"error_type":"OAuthException","code":400,"error_message":"Invalid code"}"#,
                ErrorClass::AuthRevoked,
                None,
            ),
        ] {
            let found = of_exchange(failure(Phase::Login, &answer(400, &[], body), now()));
            assert_eq!((found.class, found.code.as_deref()), (class, code), "{body}");
        }
    }

    #[test]
    fn an_account_has_an_id_and_a_name() {
        let found = |me: Value| LOGIN.named(&me).ok().map(|named| (named.id, named.username));
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
        let lifetime = |session: &Session| LOGIN.lifetime(session);
        let made = lifetime(&Session { expires_at: Some(6_000_000), ..Session::new("a".into(), "a".into()) });
        assert_eq!(made.expires_at, Some(since_1970(6_000_000)));
        assert_eq!(made.issued_at, Some(since_1970(6_000_000 - 5_184_000)));
        assert_eq!(made.refresh_expires_at, made.expires_at);
        assert_eq!(lifetime(&Session::new("a".into(), SecretString::default())), Lifetime::default());
    }
}

//! Connecting an account: every server is a platform of its own, where an app is registered first. The addresses are those
//! all servers of the interface have; what a server tells about itself is asked for its issuer only.

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, read};
use super::{LARGEST, Mastodon, session};
use crate::client::Client;
use crate::providers::answer::Phase;
use crate::providers::code_flow::concluded;
use crate::providers::connect::wrong_issuer;
use crate::providers::federated;
use crate::providers::oauth::{self, Pkce};
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Reach, UNKNOWN_APP};
use crate::secrets::Session;

/// As people see it where they are asked.
const CLIENT_NAME: &str = "Crier";
const METADATA: &str = ".well-known/oauth-authorization-server";
/// Whose account it is, what it has posted, and to post: without these nothing works.
const NEEDED: [&str; 3] = ["read:accounts", "read:statuses", "write:statuses"];
/// Media, likes and follows.
const USEFUL: [&str; 3] = ["write:media", "write:favourites", "write:follows"];

#[derive(Serialize, Deserialize)]
struct Remembered {
    verifier: String,
    /// Who has to say that it has answered.
    issuer: Option<String>,
    /// Whether it has to.
    must_say: bool,
}

/// What a server tells about itself (RFC 8414, 9207). Older ones tell nothing.
#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    issuer: Value,
    #[serde(default)]
    authorization_response_iss_parameter_supported: Value,
}

#[derive(Deserialize)]
struct Registered {
    client_id: String,
    client_secret: SecretString,
}

fn scopes() -> String {
    [NEEDED, USEFUL].concat().join(" ")
}

#[async_trait]
impl Connect for Mastodon {
    /// `https://a.example`, `a.example` or `@alice@a.example`.
    fn server(&self, named: Option<&str>, reach: Reach) -> Result<String, Failure> {
        federated::server(named, LARGEST, reach)
    }

    fn registers(&self) -> bool {
        true
    }

    async fn register(&self, server: &str, redirect_uri: &str, reach: Reach) -> Result<App, Failure> {
        let client = self.client.within(reach);
        let form = [("client_name", CLIENT_NAME), ("redirect_uris", redirect_uri), ("scopes", &scopes())];
        let request = oauth::form(&client, &format!("{server}/api/v1/apps"), &form);
        let Registered { client_id, client_secret } = read(Phase::Login, client.send(request).await)?;
        let fits = |text: &str| (1..=500).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !fits(&client_id) || !fits(client_secret.expose_secret()) {
            return Err(Failure::new(ErrorClass::Transient, "the server's answer names no app"));
        }
        Ok(App { client_id, client_secret: Some(client_secret) })
    }

    /// Servers forget apps that nobody uses. One that is unknown gets no token of its own.
    async fn knows(&self, server: &str, app: &App, reach: Reach) -> Result<bool, Failure> {
        let client = self.client.within(reach);
        let secret = app.client_secret.as_ref().map_or("", |secret| secret.expose_secret());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", app.client_id.as_str()),
            ("client_secret", secret),
            ("scope", NEEDED[0]),
        ];
        let request = oauth::form(&client, &format!("{server}/oauth/token"), &form);
        match oauth::tokens(client.send(request).await) {
            Err(failure) if failure.code.as_deref() == Some(UNKNOWN_APP) => Ok(false),
            // whatever else it says, it knows who asks
            Err(failure) if failure.class == ErrorClass::AuthRevoked => Ok(true),
            Err(failure) => Err(failure),
            Ok(_) => Ok(true),
        }
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        let app = registered(ask)?;
        let (pkce, metadata) = (Pkce::new()?, metadata(&self.client.within(ask.reach), ask.server).await);
        let authorize_url = oauth::address(
            &format!("{}/oauth/authorize", ask.server),
            &[
                ("response_type", "code"),
                ("client_id", &app.client_id),
                ("redirect_uri", ask.redirect_uri),
                ("scope", &scopes()),
                ("state", ask.state.expose_secret()),
                // asks whoever said yes before too: for which account, and knowing it
                ("force_login", "true"),
                // servers from before 4.3 don't know these, and pass them over
                ("code_challenge", &pkce.challenge),
                ("code_challenge_method", "S256"),
            ],
        )?;
        let issuer = metadata.issuer.as_str().map(str::to_owned);
        let must_say = metadata.authorization_response_iss_parameter_supported == Value::Bool(true);
        let verifier = pkce.verifier.expose_secret().to_owned();
        let kept = Kept::of(&Remembered { verifier, issuer, must_say })?;
        Ok(Begun { authorize_url, kept })
    }

    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let (ask, app) = (&callback.ask, registered(&callback.ask)?);
        let client = self.client.within(ask.reach);
        let remembered: Remembered = kept.read()?;
        check_issuer(&remembered, callback.iss)?;
        let secret = app.client_secret.as_ref().map_or("", |secret| secret.expose_secret());
        let form = [
            ("grant_type", "authorization_code"),
            ("code", callback.code.expose_secret()),
            ("redirect_uri", ask.redirect_uri),
            ("client_id", &app.client_id),
            ("client_secret", secret),
            ("code_verifier", &remembered.verifier),
        ];
        let request = oauth::form(&client, &format!("{}/oauth/token", ask.server), &form);
        let tokens = oauth::tokens(client.send(request).await)?;
        let session = Session::new(tokens.access_token, SecretString::default());
        let known = granted(&client, ask.server, &session, &tokens.scope).await;
        concluded(self, ask, session, known).await
    }

    async fn revoke(&self, server: &str, app: Option<&App>, session: &Session, reach: Reach) {
        let Some(app) = app else { return };
        let secret = app.client_secret.as_ref().map_or("", |secret| secret.expose_secret());
        let form = [
            ("client_id", app.client_id.as_str()),
            ("client_secret", secret),
            ("token", session.access.expose_secret()),
        ];
        let client = self.client.within(reach);
        let _ = client.send(oauth::form(&client, &format!("{server}/oauth/revoke"), &form)).await;
    }
}

async fn metadata(client: &Client, server: &str) -> Metadata {
    let request = client.request(Method::GET, &format!("{server}/{METADATA}"));
    // An older server has no such page: without it there is nothing to compare.
    read(Phase::Read, client.send(request).await).unwrap_or_default()
}

/// Whose tokens they are, and what was not granted.
async fn granted(
    client: &Client,
    server: &str,
    session: &Session,
    scope: &Value,
) -> Result<(String, String, Vec<String>), Failure> {
    let granted = oauth::granted(scope, &[NEEDED, USEFUL].concat());
    let missing = oauth::missing(&granted, &NEEDED, &USEFUL, covers)?;
    let api = Api::new(client, server, Some(&session.access));
    let (external_id, handle) = session::whose(&api, server).await?;
    Ok((external_id, handle, missing))
}

fn registered<'a>(ask: &Ask<'a>) -> Result<&'a App, Failure> {
    ask.app.ok_or_else(|| Failure::new(ErrorClass::Config, "no app is registered at the server"))
}

fn check_issuer(remembered: &Remembered, iss: Option<&str>) -> Result<(), Failure> {
    match (iss, remembered.issuer.as_deref()) {
        (Some(iss), Some(issuer)) if iss != issuer => Err(wrong_issuer()),
        (None, _) if remembered.must_say => Err(wrong_issuer()),
        _ => Ok(()),
    }
}

/// A scope holds those below it; `profile` is the smallest that tells whose account it is.
fn covers(given: &str, wanted: &str) -> bool {
    given == wanted
        || wanted.strip_prefix(given).is_some_and(|rest| rest.starts_with(':'))
        || (given == "profile" && wanted == "read:accounts")
        || (given == "follow" && wanted == "write:follows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::media::Fetcher;

    #[test]
    fn a_server_is_named_in_three_ways() {
        let mastodon = Mastodon::new(Client::new().unwrap(), Fetcher::new().unwrap());
        let named = |text: &str| Connect::server(&mastodon, Some(text), Reach::default()).ok();
        for text in ["https://a.example", "https://a.example/", "a.example", "@alice@a.example", " A.example"]
        {
            assert_eq!(named(text).as_deref(), Some("https://a.example"), "{text}");
        }
        assert_eq!(Connect::server(&mastodon, None, Reach::default()).unwrap(), LARGEST);
        for bad in [
            "http://a.example",
            "https://a.example:8443",
            "https://10.0.0.1",
            "127.0.0.1",
            "localhost",
            "",
            "https://a.example/?x=1",
            "https://a.example/#x",
            "https://u:p@a.example",
            "[::1]",
            "0x7f.1",
            "2130706433",
            "https://[64:ff9b::7f00:1]",
            "file:///etc/passwd",
            "http://127.0.0.1:3000",
        ] {
            assert_eq!(named(bad), None, "{bad}");
        }
        let here = Reach { allow_loopback: true };
        assert!(Connect::server(&mastodon, Some("http://127.0.0.1:3000/mastodon"), here).is_ok());
        assert!(Connect::server(&mastodon, Some("http://10.0.0.1:3000"), here).is_err());
    }

    #[test]
    fn the_issuer_is_compared_where_it_is_known() {
        let told = |issuer: Option<&str>, must_say| Remembered {
            verifier: String::new(),
            issuer: issuer.map(str::to_owned),
            must_say,
        };
        let (ours, other) = ("https://a.example/", "https://b.example/");
        for (remembered, iss, good) in [
            (told(None, false), None, true),
            (told(Some(ours), false), None, true),
            (told(Some(ours), false), Some(ours), true),
            (told(Some(ours), true), Some(ours), true),
            (told(Some(ours), false), Some(other), false),
            (told(Some(ours), true), None, false),
            (told(None, true), None, false),
        ] {
            assert_eq!(check_issuer(&remembered, iss).is_ok(), good, "{iss:?}");
        }
    }

    #[test]
    fn a_scope_covers_those_below_it() {
        for (given, wanted) in
            [("read", "read:accounts"), ("write:media", "write:media"), ("profile", "read:accounts")]
        {
            assert!(covers(given, wanted), "{given} {wanted}");
        }
        for (given, wanted) in [("read:acc", "read:accounts"), ("read", "write:media"), ("", "read:accounts")]
        {
            assert!(!covers(given, wanted), "{given} {wanted}");
        }
    }
}

//! Bluesky's part of connecting an account: a login is pushed, and the code that comes back is exchanged for a session whose
//! account is the one that was meant, and whose server is the one that made it.

use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::app::{Client, SCOPE};
use super::identity::{Directory, Identity};
use super::issuer::{Issuer, of_server};
use super::token::{Endpoint, Tokens};
use super::{OAuth, Settings, session};
use crate::error::Error;
use crate::providers::answer::seconds_since_1970;
use crate::providers::bluesky::syntax::is_handle;
use crate::providers::bluesky::{Bluesky, ENTRYWAY};
use crate::providers::connect::{WRONG_ACCOUNT, wrong_issuer};
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Reach};
use crate::secrets::unguessable::{digest, unguessable};
use crate::secrets::{Bound, Es256, Session};

/// The name of an account whose name nobody confirms.
const NO_HANDLE: &str = "handle.invalid";

/// What is remembered. What is secret stands by itself, the rest together.
#[derive(Serialize)]
struct Keep<'a> {
    verifier: &'a str,
    key: &'a str,
    login: &'a Login,
}

/// The same, read.
#[derive(Deserialize)]
struct Remembered {
    verifier: SecretString,
    key: Es256,
    login: Login,
}

/// What a login was begun with.
#[derive(Debug, Serialize, Deserialize)]
struct Login {
    issuer: String,
    client_id: String,
    client_key: Option<String>,
    /// The account that is meant, where one is.
    account: Option<Meant>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Meant {
    did: String,
    pds: String,
    /// The name that its document claims.
    handle: Option<String>,
}

#[async_trait]
impl Connect for Bluesky {
    /// An address is a server's; a name is an account's, and its server is looked up from it.
    fn server(&self, named: Option<&str>, reach: Reach) -> Result<String, Failure> {
        match named.map(str::trim) {
            None | Some("") => Ok(ENTRYWAY.to_owned()),
            Some(named) => match name(named) {
                Some(name) => reach.check(&format!("https://{name}")),
                None => reach.check(named),
            },
        }
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        let oauth = &self.oauth;
        let app = Client::now(ask.public_url, ask.redirect_uri, &oauth.settings.client_keys)?;
        let (issuer, meant) = self.find(ask).await?;
        issuer.check(&app)?;
        let (key, verifier) =
            fresh().map_err(|error| Failure::new(ErrorClass::Transient, error.to_string()))?;
        let challenge = digest(verifier.expose_secret());
        let mut fields = vec![
            ("response_type", "code"),
            ("redirect_uri", ask.redirect_uri),
            ("scope", SCOPE),
            ("state", ask.state.expose_secret()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            // Where an account is named and signed in, and the app was let in once, servers would send the person back
            // without a word: whoever was sent a link would not know what it did.
            ("prompt", "consent"),
        ];
        if let Some(account) = &meant {
            fields.push(("login_hint", account.handle.as_ref().unwrap_or(&account.did)));
        }
        let client = self.client.within(ask.reach);
        let request = self.endpoint(&client, &issuer, &app, &key).push(&fields).await?;
        let unreadable =
            |_| Failure::new(ErrorClass::Unsupported, "the issuer of sessions has no page to log in on");
        let mut page = Url::parse(&issuer.authorization).map_err(unreadable)?;
        page.query_pairs_mut().append_pair("client_id", &app.id).append_pair("request_uri", &request);
        let login = Login { issuer: issuer.name, client_id: app.id, client_key: app.key, account: meant };
        let (verifier, key) = (verifier.expose_secret(), key.kept().expose_secret());
        let kept = Kept::of(&Keep { verifier, key, login: &login })?;
        Ok(Begun { authorize_url: page.as_str().into(), kept })
    }

    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let Remembered { verifier, key, login } = kept.read()?;
        // Before the code goes anywhere: one that another issuer gave is not shown to this one.
        if callback.iss != Some(login.issuer.as_str()) {
            return Err(wrong_issuer());
        }
        let ask = &callback.ask;
        let issuer = self.oauth.issuers.issuer(&self.client, &login.issuer, ask.reach).await?;
        let app = Client { id: login.client_id, key: login.client_key };
        let client = self.client.within(ask.reach);
        let endpoint = self.endpoint(&client, &issuer, &app, &key);
        let tokens = endpoint.exchange(callback.code, &verifier, ask.redirect_uri).await?;
        let now = SystemTime::now();
        match self.granted(&issuer, login.account, &tokens, ask).await {
            Ok((external_id, handle, base_url)) => {
                let at = seconds_since_1970(now);
                let bound = Bound {
                    key: key.clone(),
                    issuer: issuer.name.clone(),
                    client_id: app.id.clone(),
                    client_key: app.key.clone(),
                    began_at: at,
                    issued_at: at,
                };
                let session = session(tokens, bound, now);
                Ok(vec![Granted { external_id, handle, base_url, session, missing: vec![] }])
            }
            Err(failure) => {
                // Nobody will use it: it must not stay open for its owner to wonder about.
                endpoint.revoke(tokens.refresh_token.as_ref().unwrap_or(&tokens.access_token)).await;
                Err(failure)
            }
        }
    }

    async fn revoke(&self, _server: &str, _app: Option<&App>, session: &Session, reach: Reach) {
        let Some(bound) = &session.bound else { return };
        let client = self.client.within(reach);
        let Ok(issuer) = self.oauth.issuers.issuer(&client, &bound.issuer, reach).await else { return };
        let app = Client { id: bound.client_id.clone(), key: bound.client_key.clone() };
        self.endpoint(&client, &issuer, &app, &bound.key).revoke(&session.refresh).await;
    }
}

impl Bluesky {
    fn directory(&self, reach: Reach) -> Directory<'_> {
        let Settings { plc_directory, handle_resolver, .. } = &self.oauth.settings;
        Directory { client: &self.client, plc: plc_directory, resolver: handle_resolver, reach }
    }

    fn endpoint<'a>(
        &'a self,
        client: &'a crate::client::Client,
        issuer: &'a Issuer,
        app: &'a Client,
        key: &'a Es256,
    ) -> Endpoint<'a> {
        let OAuth { settings, nonces, .. } = &self.oauth;
        Endpoint { client, nonces, keys: &settings.client_keys, issuer, app, key }
    }

    /// Who makes the session, and whose it is to be, where that is known before the login.
    async fn find(&self, ask: &Ask<'_>) -> Result<(Issuer, Option<Meant>), Failure> {
        let directory = self.directory(ask.reach);
        if let Some(did) = ask.again {
            return self.of_account(directory.of_did(did).await?, ask.reach).await;
        }
        let host = ask.server.strip_prefix("https://").filter(|host| is_handle(host));
        let host = host.filter(|_| ask.server != ENTRYWAY);
        let is_name = ask.named.and_then(name).is_some();
        // A name's host need not answer, and where it does, it may be a server that answers for all of its names.
        let nobody = match host.filter(|_| is_name) {
            None => None,
            Some(name) => match directory.of_handle(name).await {
                Ok(identity) => return self.of_account(identity, ask.reach).await,
                Err(failure) if failure.class == ErrorClass::TargetMissing => Some(failure),
                Err(failure) => return Err(failure),
            },
        };
        match (self.at_server(ask).await, nobody, host) {
            (Ok(issuer), ..) => Ok((issuer, None)),
            // Neither a name nor a server that answers: most likely a name that was written wrong.
            (Err(failure), Some(nobody), _) if failure.class == ErrorClass::Transient => Err(nobody),
            // An address that is no server's, but that of a name.
            (Err(failure), None, Some(name)) => match directory.of_handle(name).await {
                Ok(identity) => self.of_account(identity, ask.reach).await,
                Err(_) => Err(failure),
            },
            (Err(failure), ..) => Err(failure),
        }
    }

    /// Who makes the sessions of a server's accounts: somebody else, or the server itself.
    async fn at_server(&self, ask: &Ask<'_>) -> Result<Issuer, Failure> {
        let name = of_server(&self.client, ask.server, ask.reach).await?;
        let name = name.as_deref().unwrap_or(ask.server);
        self.oauth.issuers.issuer(&self.client, name, ask.reach).await
    }

    async fn of_account(&self, identity: Identity, reach: Reach) -> Result<(Issuer, Option<Meant>), Failure> {
        let Identity { did, handle, pds } = identity;
        let issuer = self.issuer_of(&pds, reach).await?;
        Ok((issuer, Some(Meant { did, pds, handle })))
    }

    /// Who makes the sessions of an account that lives on a server.
    async fn issuer_of(&self, pds: &str, reach: Reach) -> Result<Issuer, Failure> {
        let name = of_server(&self.client, pds, reach).await?.ok_or_else(|| {
            let message = "the account's server makes no sessions by OAuth: connect it with an app password";
            Failure::new(ErrorClass::Unsupported, message)
        })?;
        self.oauth.issuers.issuer(&self.client, &name, reach).await
    }

    /// Whose session it is, checked against all that was meant: its DID, its name and its server.
    async fn granted(
        &self,
        issuer: &Issuer,
        meant: Option<Meant>,
        tokens: &Tokens,
        ask: &Ask<'_>,
    ) -> Result<(String, String, String), Failure> {
        check(tokens)?;
        let did = tokens.sub().unwrap_or_default();
        let directory = self.directory(ask.reach);
        let identity = match meant {
            Some(meant) if meant.did != did => {
                let message = "somebody logged in with another account than the one that was meant";
                let failure = Failure::new(ErrorClass::PolicyBlocked, message);
                return Err(Failure { code: Some(WRONG_ACCOUNT.into()), ..failure });
            }
            Some(Meant { did, pds, handle }) => Identity { did, handle, pds },
            None => {
                // Any issuer can say any DID: only the one that the account's own server names is believed.
                let identity = directory.of_did(did).await?;
                if self.issuer_of(&identity.pds, ask.reach).await?.name != issuer.name {
                    return Err(wrong_issuer());
                }
                identity
            }
        };
        // Any document can claim any name.
        let handle = match identity.handle {
            Some(handle) if directory.leads(&handle, did).await => handle,
            _ => NO_HANDLE.to_owned(),
        };
        Ok((identity.did, handle, identity.pds))
    }
}

/// What was named, if it is the name of an account.
fn name(named: &str) -> Option<String> {
    let name = named.trim().trim_start_matches('@');
    is_handle(name).then(|| name.to_ascii_lowercase())
}

/// Whether tokens are what was asked for.
fn check(tokens: &Tokens) -> Result<(), Failure> {
    let is_there = |token: &SecretString| !token.expose_secret().is_empty();
    if !is_there(&tokens.access_token) || !tokens.refresh_token.as_ref().is_some_and(is_there) {
        return Err(Failure::new(ErrorClass::Unsupported, "the server gave no token that lasts"));
    }
    if !tokens.are_bound() {
        return Err(Failure::new(ErrorClass::Unsupported, "the server gave tokens that anybody could use"));
    }
    let missing = tokens.missing(SCOPE);
    if !missing.is_empty() {
        let message =
            format!("the account did not grant {}: nothing can be published without", missing.join(", "));
        return Err(Failure::new(ErrorClass::Permission, message));
    }
    Ok(())
}

/// A key for one session, and the verifier of one login.
fn fresh() -> Result<(Es256, SecretString), Error> {
    Ok((Es256::generate()?, unguessable()?.into()))
}

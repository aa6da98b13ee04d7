//! Connecting accounts by OAuth: a login from the application's ticket to accounts with sealed tokens.
//!
//! Three steps, each taken with a secret that is good once: *start* (the ticket), *answer* (the state that comes back from
//! the platform), *choose* (where a platform grants several accounts). The database keeps hashes and sealed values; what the
//! person's browser shows is `crate::http`'s.

mod apps;
mod ending;
mod grants;
mod once;
mod sealed;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use url::Url;
use uuid::Uuid;

use crate::config::OAuth;
use crate::db::{Db, Login, Step};
use crate::providers::{App, Ask, Callback, Connect, Failure, Providers, UNKNOWN_APP};
use crate::secrets::Keyring;
pub(crate) use ending::{End, Reason};
pub(crate) use grants::Offered;
use once::{Secret, hash, is_same};
use sealed::Remembered;

/// Leads people through logins.
#[derive(Clone)]
pub(crate) struct Connector {
    db: Db,
    keys: Arc<Keyring>,
    providers: Providers,
    settings: Arc<OAuth>,
    /// Exchanges that are under way: a browser that hangs up doesn't end one, because its code is used up.
    tasks: TaskTracker,
}

/// A login that has begun: where the person goes, and what the browser keeps.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) authorize_url: SecretString,
    pub(crate) cookie: Cookie,
}

/// What binds a login to a browser.
#[derive(Debug)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: SecretString,
    pub(crate) secure: bool,
}

/// What came back from a platform.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) state: Option<SecretString>,
    pub(crate) code: Option<SecretString>,
    pub(crate) error: Option<String>,
    pub(crate) iss: Option<String>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Accounts are connected: the person goes back to the application.
    Connected(Url),
    /// There are several: the person chooses.
    Choose(Offered),
}

impl Connector {
    pub(crate) fn new(db: Db, keys: Arc<Keyring>, providers: Providers, settings: OAuth) -> Self {
        Self { db, keys, providers, settings: Arc::new(settings), tasks: TaskTracker::new() }
    }

    /// Where people reach this sidecar.
    pub(crate) fn public_url(&self) -> Option<&str> {
        self.settings.public_url.as_deref()
    }

    /// Waits for exchanges that are under way.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Takes a ticket and begins a login at its platform.
    pub(crate) async fn start(&self, platform: &str, ticket: &str) -> Result<Started, End> {
        let public_url = self.settings.public_url.as_deref().ok_or(Reason::NotConfigured)?;
        let login = self.take(Step::Ticket, ticket).await?;
        let back = self.settings.return_url(&login.return_url);
        let Some(back) = back else {
            warn!(workspace_id = %login.workspace_id, "a login names a return_url that is not in oauth.return_origins");
            self.forget(&login).await;
            return Err(Reason::ReturnUrl.into());
        };
        let started = match login.platform == platform {
            true => self.begin(public_url, &login).await,
            false => Err(Reason::OtherPlatform),
        };
        self.ended(&login, &back, started)
    }

    async fn begin(&self, public_url: &str, login: &Login) -> Result<Started, Reason> {
        let connect = self.part(&login.platform)?;
        let server = connect.server(login.server.as_deref(), self.settings.reach).map_err(|failure| {
            log(login, &failure);
            Reason::Server
        })?;
        let redirect_uri = redirect_uri(public_url, &login.platform, &server, connect.registers());
        let registered = match connect.registers() {
            true => Some(self.app_at(connect, login, &server, &redirect_uri).await?),
            false => None,
        };
        let (state, browser) = (Secret::new()?, Secret::new()?);
        let app = self.app(connect, login, &server, registered.as_ref().map(|registered| &registered.app))?;
        let ask = Ask {
            public_url,
            redirect_uri: &redirect_uri,
            state: &state.text,
            server: &server,
            handle: login.again.as_ref().map(|(_, handle)| handle.as_str()),
            app,
            reach: self.settings.reach,
        };
        let begun = connect.begin(&ask).await.map_err(|failure| refused(login, &failure))?;
        let remembered = Remembered { kept: begun.kept, redirect_uri, registered };
        let sealed = remembered.seal(&self.keys, login)?;
        let (hash, browser_hash) = (state.hash(), browser.hash());
        let keep = self.db.keep_oauth_state(login, Step::Login, &hash, &sealed, Some(&browser_hash), &server);
        if !keep.await? {
            return Err(Reason::Expired);
        }
        info!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id, "a login has begun");
        let cookie = Cookie::new(login.id, browser.text, public_url);
        Ok(Started { authorize_url: begun.authorize_url, cookie })
    }

    /// Takes the answer of a platform: connects what was granted, or asks which of it. `path` is that of the redirect URI the
    /// answer came to; `cookie` gives what the browser keeps under a name.
    pub(crate) async fn answer(
        &self,
        path: &str,
        answer: Answer,
        cookie: impl Fn(&str) -> Option<String>,
    ) -> Result<Outcome, End> {
        let public_url = self.settings.public_url.as_deref().ok_or(Reason::NotConfigured)?;
        let state = answer.state.as_ref().ok_or(Reason::Malformed)?;
        let login = self.take(Step::Login, state.expose_secret()).await?;
        let back = self.settings.return_url(&login.return_url).ok_or(Reason::ReturnUrl)?;
        let right_browser = is_this_browser(&login, cookie);
        if !right_browser {
            // Whoever holds this answer is not who began: no word to the application either.
            warn!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id,
                  "an answer came from another browser than the login began in");
            self.forget(&login).await;
            return Err(Reason::Browser.into());
        }
        let (this, public_url, path) = (self.clone(), public_url.to_owned(), path.to_owned());
        let exchange = async move {
            let outcome = this.exchange(&public_url, &path, &login, &back, answer).await;
            this.ended(&login, &back, outcome)
        };
        self.tasks.spawn(exchange).await.unwrap_or_else(|_| Err(Reason::Internal.into()))
    }

    async fn exchange(
        &self,
        public_url: &str,
        path: &str,
        login: &Login,
        back: &Url,
        answer: Answer,
    ) -> Result<Outcome, Reason> {
        if !login.allowed {
            return Err(Reason::NotAllowed);
        }
        if let Some(error) = &answer.error {
            // What it says is for the log, and could be anything: only what the standard names is shown.
            let denied = ["access_denied", "user_denied"].contains(&error.as_str());
            return Err(if denied { Reason::Denied } else { Reason::Platform });
        }
        let code = answer.code.as_ref().ok_or(Reason::Malformed)?;
        let state = answer.state.as_ref().ok_or(Reason::Malformed)?;
        let Remembered { kept, redirect_uri, registered } = Remembered::open(&self.keys, login)?;
        // Each server has an address of its own to answer to: no other one can have passed this answer on.
        if !redirect_uri.ends_with(path) {
            return Err(Reason::Issuer);
        }
        let connect = self.part(&login.platform)?;
        let server = login.server.as_deref().ok_or(Reason::Expired)?;
        let app = self.app(connect, login, server, registered.as_ref().map(|registered| &registered.app))?;
        let ask = Ask {
            public_url,
            redirect_uri: &redirect_uri,
            state,
            server,
            handle: login.again.as_ref().map(|(_, handle)| handle.as_str()),
            app,
            reach: self.settings.reach,
        };
        let callback = Callback { code, iss: answer.iss.as_deref(), ask };
        match connect.finish(&kept, &callback).await {
            Ok(granted) => self.granted(login, back, granted).await,
            Err(failure) => {
                if let (Some(registered), Some(UNKNOWN_APP)) = (&registered, failure.code.as_deref()) {
                    self.note_app(registered, false).await;
                }
                Err(refused(login, &failure))
            }
        }
    }

    /// Takes the choice of a person.
    pub(crate) async fn choose(
        &self,
        choice: &str,
        chosen: &[String],
        cookie: impl Fn(&str) -> Option<String>,
    ) -> Result<Outcome, End> {
        let login = self.take(Step::Choice, choice).await?;
        let back = self.settings.return_url(&login.return_url).ok_or(Reason::ReturnUrl)?;
        if !is_this_browser(&login, cookie) {
            warn!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id,
                  "a choice came from another browser than the login began in");
            self.forget(&login).await;
            return Err(Reason::Browser.into());
        }
        let (this, chosen) = (self.clone(), chosen.to_vec());
        let store = async move {
            let outcome = this.connect_chosen(&login, &back, &chosen).await;
            this.ended(&login, &back, outcome)
        };
        self.tasks.spawn(store).await.unwrap_or_else(|_| Err(Reason::Internal.into()))
    }

    fn part(&self, platform: &str) -> Result<&dyn Connect, Reason> {
        self.providers.get(platform).and_then(|provider| provider.connect()).ok_or(Reason::Unsupported)
    }

    async fn take(&self, step: Step, secret: &str) -> Result<Login, End> {
        let login = self.db.take_oauth_state(step, &hash(secret)).await;
        login.map_err(Reason::from)?.ok_or_else(|| Reason::Expired.into())
    }

    /// A login that failed is over; so is one that has connected accounts.
    fn ended<T>(&self, login: &Login, back: &Url, result: Result<T, Reason>) -> Result<T, End> {
        result.map_err(|reason| {
            warn!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id,
                  reason = reason.code(), "a login has failed");
            let (this, workspace_id, id) = (self.clone(), login.workspace_id, login.id);
            self.tasks.spawn(async move { this.forget_by_id(workspace_id, id).await });
            End { reason, back: Some(back.clone()) }
        })
    }

    async fn forget(&self, login: &Login) {
        self.forget_by_id(login.workspace_id, login.id).await;
    }

    async fn forget_by_id(&self, workspace_id: Uuid, id: Uuid) {
        // What stays goes with the cleanup.
        if let Err(error) = self.db.end_oauth_state(workspace_id, id).await {
            warn!(login = %id, %error, "a login that is over could not be forgotten");
        }
    }

    /// The registered app, or the operator's own where one is needed.
    fn app<'a>(
        &self,
        connect: &'a dyn Connect,
        login: &Login,
        server: &str,
        registered: Option<&'a App>,
    ) -> Result<Option<&'a App>, Reason> {
        match registered {
            Some(app) => Ok(Some(app)),
            None => connect.app(server).map_err(|failure| {
                log(login, &failure);
                Reason::NoApp
            }),
        }
    }
}

impl Cookie {
    /// Named after the login, so that several can be under way in one browser. The prefix has browsers insist on https and
    /// on this host alone.
    fn new(login: Uuid, value: SecretString, public_url: &str) -> Self {
        let secure = public_url.starts_with("https://");
        Self { name: cookie_name(login, secure), value, secure }
    }
}

fn cookie_name(login: Uuid, secure: bool) -> String {
    let random = &login.simple().to_string()[20..];
    if secure { format!("__Host-crier-login-{random}") } else { format!("crier-login-{random}") }
}

/// Whether the login began in the browser that has these cookies.
fn is_this_browser(login: &Login, cookie: impl Fn(&str) -> Option<String>) -> bool {
    let kept = [true, false].into_iter().find_map(|secure| cookie(&cookie_name(login.id, secure)));
    match (kept, &login.browser_hash) {
        (Some(kept), Some(stored)) => is_same(&kept, stored),
        _ => false,
    }
}

/// The path that a server answers to: where every server is a platform of its own, each has another one.
pub(crate) fn redirect_uri(public_url: &str, platform: &str, server: &str, is_own_platform: bool) -> String {
    if !is_own_platform {
        return format!("{public_url}/oauth/{platform}/callback");
    }
    let digest = Sha256::digest(server.as_bytes());
    let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{public_url}/oauth/{platform}/callback/{tag}")
}

/// An address of an application without what only crierd says there.
fn without_ours(back: &Url) -> Url {
    let mut url = back.clone();
    let theirs: Vec<_> = back
        .query_pairs()
        .filter(|(name, _)| !name.starts_with("crier_"))
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    url.set_query(None);
    if !theirs.is_empty() {
        url.query_pairs_mut().extend_pairs(theirs);
    }
    url
}

/// Where the person goes with the word for what went wrong.
pub(crate) fn failed(back: &Url, reason: Reason) -> Url {
    let mut url = without_ours(back);
    url.query_pairs_mut().append_pair("crier_error", reason.code());
    url
}

fn log(login: &Login, failure: &Failure) {
    warn!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id, class = %failure.class,
          status = failure.status, code = failure.code, message = failure.message, "a step of a login was refused");
}

fn refused(login: &Login, failure: &Failure) -> Reason {
    log(login, failure);
    Reason::of(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_of_its_own_has_an_address_of_its_own() {
        let uri = |server: &str, own| redirect_uri("https://c.example", "mastodon", server, own);
        assert_eq!(uri("https://a.example", false), "https://c.example/oauth/mastodon/callback");
        let (a, b) = (uri("https://a.example", true), uri("https://b.example", true));
        assert!(a != b && a.starts_with("https://c.example/oauth/mastodon/callback/"), "{a} {b}");
        assert_eq!(a, uri("https://a.example", true));
    }

    #[test]
    fn a_cookie_is_bound_to_its_login_and_its_host() {
        let login = Uuid::from_u128(7);
        let cookie = Cookie::new(login, "canary".to_owned().into(), "https://c.example");
        assert!(cookie.secure && cookie.name.starts_with("__Host-"), "{cookie:?}");
        assert!(!Cookie::new(login, "x".to_owned().into(), "http://127.0.0.1:1").secure);
        assert!(!format!("{cookie:?}").contains("canary"));
        assert_ne!(cookie.name, cookie_name(Uuid::from_u128(8), true));
    }

    #[test]
    fn an_error_takes_the_place_of_what_was_there() {
        let back = Url::parse("https://app.example/?crier_error=a&x=y&crier_account_ids=z").unwrap();
        assert_eq!(
            failed(&back, Reason::Denied).as_str(),
            "https://app.example/?x=y&crier_error=access_denied"
        );
    }
}

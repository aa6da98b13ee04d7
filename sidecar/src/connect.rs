//! Connecting accounts by OAuth: a login from the application's ticket to accounts with sealed tokens.
//!
//! Four steps, each taken with a secret that is good once: *start* (the ticket), *answer* (the state that comes back from
//! the platform), *choose* (where a platform grants several accounts), *conclude* (the ticket that the application got for
//! confirming that whoever came back is who began). The database keeps hashes and sealed values; what the person's browser shows
//! is `crate::http`'s.

mod addresses;
mod apps;
mod browser;
mod crowd;
mod ending;
mod grants;
mod once;
mod sealed;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, warn};
use url::Url;
use uuid::Uuid;

use crate::config::OAuth;
use crate::db::{Db, Login, Step};
use crate::providers::{App, Ask, Callback, Connect, Failure, Providers, UNKNOWN_APP};
use crate::secrets::Vault;
use crate::shutdown::Shutdown;
pub(crate) use addresses::{failed, redirect_uri};
pub(crate) use browser::Cookie;
use browser::is_this_browser;
use crowd::Crowd;
pub(crate) use ending::{End, Reason};
pub(crate) use grants::Offered;
use once::{Secret, hash};
use sealed::Remembered;

/// How long a login may take to begin, all calls of servers together that a tenant may have named.
const BEGIN: Duration = Duration::from_secs(60);

/// Leads people through logins.
#[derive(Clone)]
pub(crate) struct Connector {
    db: Db,
    vault: Arc<Vault>,
    providers: Providers,
    settings: Arc<OAuth>,
    /// What is under way: a browser that hangs up doesn't end it, because a code is used up or an app half registered.
    tasks: TaskTracker,
    crowd: Crowd,
    shutdown: Shutdown,
}

/// A login that has begun: where the person goes, and what the browser keeps.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) authorize_url: SecretString,
    pub(crate) cookie: Cookie,
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
    /// The person goes back to the application: with what was connected, or for it to confirm the login.
    Back(Url),
    /// There are several: the person chooses.
    Choose(Offered),
}

impl Connector {
    pub(crate) fn new(
        db: Db,
        vault: Arc<Vault>,
        providers: Providers,
        settings: OAuth,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            db,
            vault,
            providers,
            settings: Arc::new(settings),
            tasks: TaskTracker::new(),
            crowd: Crowd::default(),
            shutdown,
        }
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
        // Before the ticket is used up: it is good for another try.
        if self.shutdown.begun() {
            return Err(Reason::Database.into());
        }
        let place = self.crowd.begin()?;
        let login = self.take(Step::Ticket, ticket).await?;
        let back = self.settings.return_url(&login.return_url);
        let Some(back) = back else {
            warn!(workspace_id = %login.workspace_id, "a login names a return_url that is not in oauth.return_origins");
            self.forget(&login).await;
            return Err(Reason::ReturnUrl.into());
        };
        if login.platform != platform {
            return self.ended(&login, &back, Err(Reason::OtherPlatform));
        }
        let (this, public_url) = (self.clone(), public_url.to_owned());
        let begin = async move {
            let _place = place;
            let started = timeout(BEGIN, this.begin(&public_url, &login)).await;
            this.ended(&login, &back, started.unwrap_or(Err(Reason::Unavailable)))
        };
        self.tasks.spawn(begin.in_current_span()).await.unwrap_or_else(|_| Err(Reason::Internal.into()))
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
            named: login.server.as_deref(),
            server: &server,
            again: login.again.as_deref(),
            app,
            reach: self.settings.reach,
        };
        let begun = connect.begin(&ask).await.map_err(|failure| refused(login, &failure))?;
        let remembered = Remembered { kept: begun.kept, redirect_uri, registered };
        let sealed = remembered.seal(&self.vault, login).await?;
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
        let place = self.crowd.go_on()?;
        let (login, back) = self.go_on(Step::Login, state.expose_secret(), cookie).await?;
        let (this, public_url, path) = (self.clone(), public_url.to_owned(), path.to_owned());
        let exchange = async move {
            let _place = place;
            let outcome = this.exchange(&public_url, &path, &login, &back, answer).await;
            this.ended(&login, &back, outcome)
        };
        self.tasks.spawn(exchange.in_current_span()).await.unwrap_or_else(|_| Err(Reason::Internal.into()))
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
            return Err(answered_with(login, error));
        }
        let code = answer.code.as_ref().ok_or(Reason::Malformed)?;
        let state = answer.state.as_ref().ok_or(Reason::Malformed)?;
        let Remembered { kept, redirect_uri, registered } = Remembered::open(&self.vault, login).await?;
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
            named: None,
            server,
            again: login.again.as_deref(),
            app,
            reach: self.settings.reach,
        };
        let callback = Callback { code, iss: answer.iss.as_deref(), ask };
        match connect.finish(&kept, &callback).await {
            Ok(granted) => self.granted(login, back, granted, app).await,
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
        let place = self.crowd.go_on()?;
        let (login, back) = self.go_on(Step::Choice, choice, cookie).await?;
        let (this, chosen) = (self.clone(), chosen.to_vec());
        let choose = async move {
            let _place = place;
            let outcome = this.chosen(&login, &back, &chosen).await;
            this.ended(&login, &back, outcome)
        };
        self.tasks.spawn(choose.in_current_span()).await.unwrap_or_else(|_| Err(Reason::Internal.into()))
    }

    /// Stores what was granted, with the ticket that the application got for confirming it.
    pub(crate) async fn conclude(
        &self,
        ticket: &str,
        cookie: impl Fn(&str) -> Option<String>,
    ) -> Result<Outcome, End> {
        let place = self.crowd.go_on()?;
        let (login, back) = self.go_on(Step::Confirmed, ticket, cookie).await?;
        let this = self.clone();
        let store = async move {
            let _place = place;
            let outcome = this.confirmed(&login, &back).await;
            this.ended(&login, &back, outcome)
        };
        self.tasks.spawn(store.in_current_span()).await.unwrap_or_else(|_| Err(Reason::Internal.into()))
    }

    /// Takes a step that comes from the browser in which the login began; also where the person goes afterwards.
    async fn go_on(
        &self,
        step: Step,
        secret: &str,
        cookie: impl Fn(&str) -> Option<String>,
    ) -> Result<(Login, Url), End> {
        let public_url = self.settings.public_url.as_deref().ok_or(Reason::NotConfigured)?;
        let login = self.take(step, secret).await?;
        let back = self.settings.return_url(&login.return_url).ok_or(Reason::ReturnUrl)?;
        let right_browser = is_this_browser(&login, public_url, cookie);
        self.require_browser(&login, right_browser).await?;
        Ok((login, back))
    }

    /// Whoever holds an answer or a choice in another browser is not who began: the login is over, and no word goes to the
    /// application either.
    async fn require_browser(&self, login: &Login, is_right: bool) -> Result<(), End> {
        if is_right {
            return Ok(());
        }
        warn!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id,
              "a step came from another browser than the login began in");
        self.forget(login).await;
        Err(Reason::Browser.into())
    }

    fn part(&self, platform: &str) -> Result<&dyn Connect, Reason> {
        self.providers.get(platform).and_then(|provider| provider.connect()).ok_or(Reason::Unsupported)
    }

    async fn take(&self, step: Step, secret: &str) -> Result<Login, End> {
        if !once::may_be(secret) {
            return Err(Reason::Expired.into());
        }
        let _turn = self.crowd.turn().await?;
        let login = self.db.take_oauth_state(step, &hash(secret)).await;
        login.map_err(Reason::from)?.ok_or_else(|| Reason::Expired.into())
    }

    /// A login that failed is over; so is one that has connected accounts.
    fn ended<T>(&self, login: &Login, back: &Url, result: Result<T, Reason>) -> Result<T, End> {
        result.map_err(|reason| {
            warn!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id,
                  reason = reason.code(), "a login has failed");
            let (this, workspace_id, id) = (self.clone(), login.workspace_id, login.id);
            self.tasks.spawn(async move { this.forget_by_id(workspace_id, id).await }.in_current_span());
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

/// What it means that a platform answers with an error. That could be any text: only those of the standard are logged.
fn answered_with(login: &Login, error: &str) -> Reason {
    const KNOWN: [&str; 7] = [
        "access_denied",
        "invalid_request",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_response_type",
    ];
    let known = KNOWN.into_iter().find(|known| *known == error);
    warn!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id,
          error = known.unwrap_or("another one"), "a platform has answered with an error");
    if known == Some("access_denied") || error == "user_denied" { Reason::Denied } else { Reason::Platform }
}

fn log(login: &Login, failure: &Failure) {
    warn!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id, class = %failure.class,
          status = failure.status, code = failure.code, message = failure.message, "a step of a login was refused");
}

fn refused(login: &Login, failure: &Failure) -> Reason {
    log(login, failure);
    Reason::of(failure)
}

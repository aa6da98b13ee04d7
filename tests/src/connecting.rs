//! What tests of logins begin with: a workspace with its owner's session, the simulator with an app on every platform, a
//! sidecar that people can reach, and an application they come back to.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::browser::{Browser, Page};
use crate::cluster::{Database, SIDECAR_ROLE, reserve_port};
use crate::crierd::{Crierd, Deployment};
use crate::session::Session;
use crate::sim::Sim;

/// Where the application is.
pub const APPLICATION: &str = "https://app.example";
/// The platforms whose login is the usual one.
fn with_login_pages(sim: &Sim) -> impl Iterator<Item = &'static str> {
    sim.platforms().into_iter().filter(|name| sim.platform(name).login_pages().is_some())
}

/// Where people come back to.
pub const RETURN_URL: &str = "https://app.example/settings?tab=accounts";
/// The app on every platform.
pub const APP: (&str, &str) = ("the-app", "canary-app-secret-of-crier");

/// A tenant that connects accounts.
#[derive(Debug)]
pub struct Connecting {
    /// The platforms.
    pub sim: Sim,
    /// The database.
    pub database: Database,
    /// Where the sidecar runs from.
    pub deployment: Deployment,
    /// A session of the superuser.
    pub sql: Session,
    /// The owner's session, as an application has it.
    pub owner: Session,
    /// The owner.
    pub user: Uuid,
    /// The workspace.
    pub workspace: Uuid,
    /// Where people reach the sidecar.
    pub public_url: String,
    more: Vec<(String, String)>,
}

impl Connecting {
    /// On a database.
    pub async fn on(database: Database) -> Self {
        let sim = Sim::start();
        let app = json!({"client_id": APP.0, "client_secret": APP.1});
        sim.platform("x").set(&app).unwrap_or_else(|error| panic!("{error}"));
        for name in with_login_pages(&sim) {
            sim.platform(name).set(&app).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        sim.platform("instagram").set(&json!({"*": app})).unwrap_or_else(|error| panic!("{error}"));
        let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
        let secret = deployment.dir().join("app.secret");
        std::fs::write(&secret, APP.1).unwrap_or_else(|error| panic!("{error}"));
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o400)).unwrap_or_else(|e| panic!("{e}"));
        let sql = database.connect().await;
        let user = Uuid::new_v4();
        let owner = user_session(&database, &sql, user).await;
        let workspace = owner.value("SELECT crier.create_workspace('Logins', $1)", &[&user]).await;
        let public_url = format!("http://127.0.0.1:{}", reserve_port());
        Self { sim, database, deployment, sql, owner, user, workspace, public_url, more: Vec::new() }
    }

    /// Sets a variable of the sidecar, in the place of an earlier one.
    pub fn set(&mut self, name: &str, value: &str) {
        self.more.push((name.to_owned(), value.to_owned()));
    }

    /// Starts the sidecar.
    pub async fn start(&self) -> Crierd {
        let listen = self.public_url.trim_start_matches("http://");
        let (x, instagram) = (self.sim.url_of("x"), self.sim.url_of("instagram"));
        // the other login is another server, which the simulator is under its other name
        let facebook = self.facebook();
        let pages = [
            format!("{x}/i/oauth2/authorize"),
            format!("{instagram}/oauth/authorize"),
            format!("{instagram}/oauth/access_token"),
            format!("{facebook}/v26.0/dialog/oauth"),
        ];
        let mut variables = vec![
            ("CRIER_HTTP_LISTEN", listen),
            ("CRIER_PUBLIC_URL", &self.public_url),
            ("CRIER_OAUTH_RETURN_ORIGINS", APPLICATION),
            ("CRIER_OAUTH_ALLOW_LOOPBACK", "true"),
            ("CRIER_X_CLIENT_ID", APP.0),
            ("CRIER_X_CLIENT_SECRET_FILE", "app.secret"),
            ("CRIER_X_SERVER", &x),
            ("CRIER_X_AUTHORIZE_URL", &pages[0]),
            ("CRIER_INSTAGRAM_CLIENT_ID", APP.0),
            ("CRIER_INSTAGRAM_CLIENT_SECRET_FILE", "app.secret"),
            ("CRIER_INSTAGRAM_SERVER", &instagram),
            ("CRIER_INSTAGRAM_AUTHORIZE_URL", &pages[1]),
            ("CRIER_INSTAGRAM_TOKEN_URL", &pages[2]),
            ("CRIER_FACEBOOK_CLIENT_ID", APP.0),
            ("CRIER_FACEBOOK_CLIENT_SECRET_FILE", "app.secret"),
            ("CRIER_FACEBOOK_SERVER", &facebook),
            ("CRIER_FACEBOOK_AUTHORIZE_URL", &pages[3]),
        ];
        let others: Vec<_> = with_login_pages(&self.sim).flat_map(|name| self.app_on(name)).collect();
        variables.extend(others.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        variables.extend(self.more.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.deployment.start_with(&variables).await
    }

    /// The variables of the app on a platform whose login is the usual one.
    fn app_on(&self, platform: &str) -> Vec<(String, String)> {
        let server = self.sim.url_of(platform);
        let pages = self.sim.platform(platform).login_pages();
        let pages = pages.unwrap_or_else(|| panic!("{platform} has no such login"));
        let variable = |setting: &str| format!("CRIER_{}_{setting}", platform.to_uppercase());
        vec![
            (variable("CLIENT_ID"), APP.0.to_owned()),
            (variable("CLIENT_SECRET_FILE"), "app.secret".to_owned()),
            (variable("AUTHORIZE_URL"), format!("{server}/{}", pages.authorize)),
            (variable("TOKEN_URL"), format!("{server}/{}", pages.token)),
            (variable("SERVER"), server),
        ]
    }

    /// The server of Facebook's login.
    pub fn facebook(&self) -> String {
        self.sim.url_of("instagram").replace("127.0.0.1", "localhost")
    }

    /// Has Facebook's login lead to the simulated Facebook and its pages, and not to those of the accounts on Instagram: the real one
    /// has both.
    pub fn pages_are_facebooks(&mut self) {
        let server = self.sim.url_of("facebook");
        let app = json!({"client_id": APP.0, "client_secret": APP.1});
        self.sim.platform("facebook").set(&app).unwrap_or_else(|error| panic!("{error}"));
        self.set("CRIER_FACEBOOK_AUTHORIZE_URL", &format!("{server}/v26.0/dialog/oauth"));
        self.set("CRIER_FACEBOOK_SERVER", &server);
    }

    /// Says what people answer on a platform who are asked.
    pub fn consent(&self, platform: &str, consent: &Value) {
        let settings = match platform {
            "instagram" => json!({"*": {"consent": consent}}),
            _ => json!({"consent": consent}),
        };
        self.sim.platform(platform).set(&settings).unwrap_or_else(|error| panic!("{error}"));
    }

    /// An account on a platform, whose owner says yes; gives its id there.
    pub fn person(&self, platform: &str, handle: &str) -> String {
        let secret = format!("unused-{handle}-token:unused-{handle}-refresh");
        let id = self.sim.add_account(platform, handle, &secret);
        self.consent(platform, &json!({"approve_as": handle}));
        id
    }

    /// A ticket, as the owner gets one.
    pub async fn ticket(&self, platform: &str, server: Option<&str>, account: Option<Uuid>) -> String {
        let sql = "SELECT crier.begin_connect($1, $2, $3, $4, $5)";
        self.owner.value(sql, &[&self.workspace, &platform, &RETURN_URL, &server, &account]).await
    }

    /// Where the application sends a browser with a ticket.
    pub fn start_url(&self, platform: &str, ticket: &str) -> String {
        format!("{}/oauth/{platform}/start?ticket={ticket}", self.public_url)
    }

    /// A login from the ticket to where it ends, in a new browser.
    pub async fn log_in(&self, platform: &str, server: Option<&str>, account: Option<Uuid>) -> Page {
        self.log_in_with(&Browser::new(), platform, server, account).await
    }

    /// The same in a browser.
    pub async fn log_in_with(
        &self,
        browser: &Browser,
        platform: &str,
        server: Option<&str>,
        account: Option<Uuid>,
    ) -> Page {
        let ticket = self.ticket(platform, server, account).await;
        let page = browser.go(&self.start_url(platform, &ticket), APPLICATION).await;
        self.confirmed(browser, page).await
    }

    /// What the application does where somebody comes back: it has its user confirm the login, and sends the browser on.
    pub async fn confirmed(&self, browser: &Browser, page: Page) -> Page {
        let Some(secret) = page.param("crier_confirm") else { return page };
        let ticket: String = self.owner.value("SELECT crier.confirm_connect($1)", &[&secret]).await;
        browser.go(&self.finish_url(&ticket), APPLICATION).await
    }

    /// Where the application sends a browser with the ticket that it got for confirming.
    pub fn finish_url(&self, ticket: &str) -> String {
        format!("{}/oauth/finish?ticket={ticket}", self.public_url)
    }

    /// The accounts a page of the application is told of.
    ///
    /// # Panics
    /// When it is told of none.
    pub fn connected(&self, page: &Page) -> Vec<Uuid> {
        let ids = page.param("crier_account_ids");
        let ids =
            ids.unwrap_or_else(|| panic!("no accounts at {page:?}; the log:\n{}", self.deployment.logs()));
        ids.split(',').map(|id| id.parse().unwrap_or_else(|error| panic!("{id}: {error}"))).collect()
    }

    /// An account: `platform handle status generation`, and whose it is.
    pub async fn account(&self, id: Uuid) -> String {
        let sql = format!(
            "SELECT concat_ws(' ', a.platform, a.handle, a.status, c.generation, c.user_id = '{}') \
             FROM crier.social_account a JOIN crier.credential c ON c.account_id = a.id WHERE a.id = '{id}'",
            self.user
        );
        self.sql.text(&sql).await
    }

    /// How many logins are remembered.
    pub async fn remembered(&self) -> i64 {
        self.sql.value("SELECT count(*) FROM crier.oauth_state", &[]).await
    }
}

/// The session of a user, by a role as applications have one.
pub async fn user_session(database: &Database, superuser: &Session, user: Uuid) -> Session {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // roles belong to the whole server, which other processes may share
    let role = format!("app_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    superuser.run(&format!("CREATE ROLE {role} LOGIN IN ROLE crier_app")).await;
    let session = database.connect_as(&role).await;
    session.run(&format!("SET crier.user_id = '{user}'")).await;
    session
}

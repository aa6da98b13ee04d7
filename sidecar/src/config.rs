//! The configuration: a TOML file, `CRIER_*` variables on top, checked as a whole at start.
//!
//! Every setting is one line in `Config::resolve`: its key, its variable, its default. What is wrong is
//! collected, so that one error lists everything.

mod api;
mod apps;
mod bluesky;
mod keys;
mod oauth;
mod reader;
mod refresh;
mod traces;
mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;
use crate::hooks;
use crate::providers::{Apps, Endpoints, VideoService};
use crate::secrets::KeySource;
pub use api::Api;
pub(crate) use api::{Bounds, Tokens};
use apps::AppFile;
use bluesky::Bluesky;
pub use oauth::OAuth;
use reader::Reader;
pub use traces::Traces;
use webhooks::EndpointFile;

/// The file that is read when none is named.
pub(crate) const DEFAULT_FILE: &str = "crierd.toml";

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// How the database is reached.
    pub database: Database,
    /// Where the keys come from that seal credentials; known wherever [`Needs::keys`] was asked for.
    pub keys: KeySource,
    /// Where HTTP is answered.
    pub http_listen: SocketAddr,
    /// Where metrics are served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where the keys are with which the API is called; without it nobody may.
    pub api_key_file: Option<PathBuf>,
    /// The API for users, if it is served.
    pub api: Option<Api>,
    /// How accounts are connected by OAuth.
    pub oauth: OAuth,
    /// How tokens are kept fresh.
    pub refresh: Refresh,
    /// The operator's apps on platforms.
    apps: Vec<AppFile>,
    /// Other addresses of their logins than the usual ones.
    endpoints: Vec<(&'static str, Endpoints)>,
    /// What videos for Bluesky are processed by.
    video_service: VideoService,
    /// Where platforms may send webhooks to.
    webhooks: Vec<EndpointFile>,
    /// By what accounts on Bluesky are connected.
    bluesky: Bluesky,
    /// Whether workspaces' endpoints for alerts may be on this machine.
    pub alerts_allow_loopback: bool,
    /// The bounds of the work.
    pub worker: Worker,
    /// How it logs.
    pub log: Log,
    /// Where traces are sent to, if anywhere.
    pub traces: Option<Traces>,
}

/// How the database is reached.
#[derive(Debug, Clone)]
pub struct Database {
    /// The connection URL; it may carry a password.
    pub url: SecretString,
    /// Where to LISTEN, if `url` leads through a pooler that shares connections between transactions.
    pub direct_url: SecretString,
    /// Certificate authorities besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// The bounds of the work.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Jobs under way at the same time.
    pub concurrency: usize,
    /// How often the queue is asked when no notification comes.
    pub poll: Duration,
    /// How long a claim holds without a heartbeat.
    pub lease: Duration,
    /// How long a shutdown waits for what is under way.
    pub drain: Duration,
}

/// How tokens are kept fresh.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// How often it is asked what is due.
    pub every: Duration,
    /// The directory of the journal; none where nobody wants one.
    pub journal: Option<PathBuf>,
}

/// How it logs.
#[derive(Debug, Clone)]
pub struct Log {
    /// One JSON object a line instead of text.
    pub json: bool,
    /// From which level on.
    pub level: tracing::Level,
}

/// What a command can't do without.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    /// The keys.
    pub keys: bool,
}

/// Where settings come from.
#[derive(Debug, Default)]
pub struct Sources {
    /// The file named on the command line.
    pub file: Option<PathBuf>,
    /// Takes the place of `database.url`.
    pub database_url: Option<SecretString>,
}

impl Config {
    /// Reads file and environment, and checks them.
    pub fn load(sources: &Sources, needs: Needs) -> Result<Self, Error> {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let named = sources.file.clone().or_else(|| env("CRIER_CONFIG").map(PathBuf::from));
        let text = read_file(named.as_deref())?;
        Self::resolve(&text, &env, sources.database_url.as_ref(), needs)
    }

    /// Checks what was read; fails with every problem at once.
    fn resolve(
        text: &str,
        env: &dyn Fn(&str) -> Option<String>,
        database_url: Option<&SecretString>,
        needs: Needs,
    ) -> Result<Self, Error> {
        let mut read = Reader::new(text, env);
        let found = read.text("database.url", "CRIER_DATABASE_URL");
        let url = database_url.cloned().or(found.map(SecretString::from));
        let direct = read.text("database.direct_url", "CRIER_DATABASE_DIRECT_URL").map(SecretString::from);
        let ca_file = read.text("database.ca_file", "CRIER_DATABASE_CA_FILE").map(PathBuf::from);
        let keys = keys::resolve(&mut read, needs.keys);
        let http_listen = read.parsed(
            "http.listen",
            "CRIER_HTTP_LISTEN",
            SocketAddr::from(([127, 0, 0, 1], 8480)),
            "an address and a port like 127.0.0.1:8480",
        );
        let metrics_listen = read.text("metrics.listen", "CRIER_METRICS_LISTEN").and_then(|text| {
            let listen = text.parse().ok();
            if listen.is_none() {
                let shape = "it must be an address and a port like 127.0.0.1:9464";
                read.problem(format!("metrics.listen is {text:?}; {shape}"));
            }
            listen
        });
        let api = api::resolve(&mut read);
        let oauth = oauth::resolve(&mut read);
        let api_key_file = read.text("http.api_key_file", "CRIER_API_KEY_FILE").map(PathBuf::from);
        let refresh = refresh::resolve(&mut read, env, keys.file());
        let apps = apps::resolve(&mut read);
        let endpoints = apps::endpoints(&mut read);
        let video_service = apps::video_service(&mut read);
        let webhooks = webhooks::resolve(&mut read);
        let bluesky = bluesky::resolve(&mut read);
        let alerts_allow_loopback = read.flag("alerts.allow_loopback", "CRIER_ALERTS_ALLOW_LOOPBACK", false);
        let worker = Worker {
            concurrency: read.number("worker.concurrency", "CRIER_WORKER_CONCURRENCY", 8, 1..=1_000),
            poll: read.duration("worker.poll", "CRIER_WORKER_POLL", 5_000, 50..=600_000),
            lease: read.duration("worker.lease", "CRIER_WORKER_LEASE", 60_000, 3_000..=3_600_000),
            drain: read.duration("worker.drain", "CRIER_WORKER_DRAIN", 30_000, 0..=3_600_000),
        };
        let log = Log {
            json: read.choice("log.format", "CRIER_LOG_FORMAT", &["text", "json"]) == "json",
            level: read.parsed(
                "log.level",
                "CRIER_LOG_LEVEL",
                tracing::Level::INFO,
                "one of error, warn, info, debug, trace",
            ),
        };
        let traces = traces::resolve(&mut read);
        check_url(&mut read, "database.direct_url", direct.as_ref());
        let url = match url {
            Some(url) => {
                check_url(&mut read, "database.url", Some(&url));
                url
            }
            None => {
                let example = "for instance postgres://crierd:PASSWORD@HOST/DATABASE?sslmode=require";
                read.missing("database.url", "CRIER_DATABASE_URL", example);
                SecretString::default()
            }
        };
        read.finish()?;
        let direct_url = direct.unwrap_or_else(|| url.clone());
        Ok(Self {
            database: Database { url, direct_url, ca_file },
            keys,
            http_listen,
            metrics_listen,
            api,
            oauth,
            api_key_file,
            refresh,
            apps,
            endpoints,
            video_service,
            webhooks,
            bluesky,
            alerts_allow_loopback,
            worker,
            log,
            traces,
        })
    }

    /// The operator's apps on platforms, with their secrets, and what else is set for platforms.
    pub(crate) fn apps(&self) -> Result<Apps, Error> {
        let apps = apps::load(&self.apps)?.with_video_service(self.video_service.clone());
        let apps = apps.with_bluesky(self.bluesky.load(self.oauth.reach)?);
        let with = |apps: Apps, (platform, endpoints): &(&'static str, Endpoints)| {
            apps.with_endpoints(platform, endpoints.clone())
        };
        Ok(self.endpoints.iter().fold(apps, with))
    }

    /// Where platforms may send webhooks to, with the secrets.
    pub(crate) fn webhooks(&self) -> Result<hooks::Endpoints, Error> {
        webhooks::load(&self.webhooks)
    }
}

/// The parser's own words stay out: they can quote a part of the password.
fn check_url(read: &mut Reader<'_>, key: &'static str, url: Option<&SecretString>) {
    if url.is_some_and(|url| url.expose_secret().parse::<tokio_postgres::Config>().is_err()) {
        read.problem(format!(
            "{key} is not a connection string of Postgres: postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…, \
             with special characters of the password percent-encoded and sslmode disable, prefer or require"
        ));
    }
}

/// A named file must be there; the default one may be missing.
fn read_file(named: Option<&Path>) -> Result<String, Error> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(Error::file("read the configuration", path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgres://crierd:hunter2@localhost/app";

    fn resolve(text: &str, env: &[(&str, &str)]) -> Result<Config, Error> {
        let env: std::collections::HashMap<_, _> = env.iter().copied().collect();
        let look = |name: &str| env.get(name).map(|value| (*value).to_owned());
        Config::resolve(text, &look, None, Needs { keys: true })
    }

    #[test]
    fn two_settings_are_enough() {
        let config = resolve("", &[("CRIER_DATABASE_URL", URL), ("CRIER_KEY_FILE", "k")]).unwrap();
        assert_eq!(config.http_listen.to_string(), "127.0.0.1:8480");
        assert_eq!(config.worker.concurrency, 8);
        assert_eq!(config.worker.poll, Duration::from_secs(5));
        assert_eq!(config.worker.lease, Duration::from_secs(60));
        assert_eq!(config.worker.drain, Duration::from_secs(30));
        assert!(!config.log.json && !config.alerts_allow_loopback);
        assert_eq!(config.database.direct_url.expose_secret(), URL);
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        let text = format!(
            "database.url = '{URL}'\n[secrets]\nkey_file = 'a'\n[worker]\nconcurrency = 3\npoll = '1 min'\nlease = 30\n[alerts]\nallow_loopback = true"
        );
        let config = resolve(&text, &[("CRIER_WORKER_CONCURRENCY", "5"), ("CRIER_KEY_FILE", "b")]).unwrap();
        assert_eq!(config.worker.concurrency, 5);
        assert_eq!(config.keys.file(), Some(Path::new("b")));
        assert_eq!(config.worker.poll, Duration::from_secs(60));
        assert_eq!(config.worker.lease, Duration::from_secs(30));
        assert!(config.alerts_allow_loopback);
        let no = ("CRIER_ALERTS_ALLOW_LOOPBACK", "false");
        assert!(!resolve(&text, &[("CRIER_KEY_FILE", "b"), no]).unwrap().alerts_allow_loopback);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let text = "[database]\nurl = 'host=a port=many'\n[worker]\nconcurency = 1\nconcurrency = 0\npoll = 'soon'\n\
                    lease = true\n[http]\nlisten = 'here'\n[alerts]\nallow_loopback = 'yes'\n[log]\nformat = 'xml'\nlevel = 'loud'\n\
                    [platforms.x]\nclient_secret_file = 'a'\n[platforms.bluesky]\nvideo_service = 'http://video.example'";
        let Err(Error::Config(problems)) = resolve(text, &[]) else { panic!("accepted") };
        for part in [
            "database.url is not",
            "worker.concurency",
            "worker.concurrency",
            "worker.poll",
            "worker.lease",
            "http.listen",
            "alerts.allow_loopback",
            "log.format",
            "log.level",
            "platforms.x.client_id",
            "platforms.bluesky.video_service",
            "secrets.key_file",
        ] {
            assert!(problems.iter().any(|problem| problem.starts_with(part)), "{part} in {problems:#?}");
        }
        assert_eq!(problems.len(), 12, "{problems:#?}");
        assert!(problems.iter().any(|p| p.contains("did you mean worker.concurrency?")), "{problems:#?}");
    }

    #[test]
    fn a_file_that_is_not_toml_is_one_problem_among_others() {
        let Err(Error::Config(problems)) = resolve("[database\n", &[]) else { panic!("accepted") };
        assert_eq!(problems.len(), 3, "{problems:#?}");
    }

    #[test]
    fn no_password_is_shown() {
        let config = resolve("", &[("CRIER_DATABASE_URL", URL), ("CRIER_KEY_FILE", "k")]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let bad = resolve("", &[("CRIER_DATABASE_URL", "postgres://u:hunter2@h:x/d?hunter2=1")]);
        let Err(error) = bad else { panic!("accepted") };
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

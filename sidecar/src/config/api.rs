//! `[api]`: the HTTP API for users. Off unless an address is given.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::check_url;
use super::oauth::origin;
use super::reader::Reader;
use crate::address::check_base;

/// The HTTP API.
#[derive(Debug, Clone)]
pub struct Api {
    /// Where it is served.
    pub listen: SocketAddr,
    /// Another login than the sidecar's; it needs to be a member of `crier_app` and of nothing else.
    pub database_url: Option<SecretString>,
    /// By what tokens are verified.
    pub(crate) tokens: Tokens,
    /// Origins of pages that may call it from a browser.
    pub cors_origins: Vec<String>,
    /// The dashboard, if it is served beside it.
    pub dashboard: Option<Dashboard>,
    /// Whether the database is told what was answered.
    pub metrics: bool,
    /// The bounds of requests.
    pub bounds: Bounds,
}

/// The dashboard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dashboard {
    /// Origins of pages that may bring a person's token along.
    pub sign_in_origins: Vec<String>,
}

/// How callers' tokens are verified.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    /// A file with the secret that signs them (HS256).
    pub(crate) secret_file: Option<PathBuf>,
    /// A file with public keys.
    pub(crate) jwks_file: Option<PathBuf>,
    /// Where public keys are published.
    pub(crate) jwks_url: Option<String>,
    /// The `iss` they must have.
    pub(crate) issuer: Option<String>,
    /// The `aud` they must have.
    pub(crate) audience: Option<String>,
    /// How far clocks may be apart.
    pub(crate) leeway: Duration,
}

/// The bounds of requests.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most bytes of a body.
    pub body: usize,
    /// Connections that are served at a time.
    pub connections: usize,
    /// Connections to the database.
    pub database_connections: usize,
    /// How long a statement may take.
    pub statement: Duration,
}

pub(super) fn resolve(read: &mut Reader<'_>) -> Option<Api> {
    let listen = read.text("api.listen", "CRIER_API_LISTEN");
    let database_url = read.text("api.database_url", "CRIER_API_DATABASE_URL").map(SecretString::from);
    check_url(read, "api.database_url", database_url.as_ref());
    let tokens = tokens(read);
    let cors_origins = origins(read, "api.cors_origins", "CRIER_API_CORS_ORIGINS");
    let sign_in_origins = origins(read, "api.sign_in_origins", "CRIER_API_SIGN_IN_ORIGINS");
    let dashboard =
        read.flag("api.dashboard", "CRIER_API_DASHBOARD", false).then_some(Dashboard { sign_in_origins });
    let metrics = read.flag("api.metrics", "CRIER_API_METRICS", true);
    let bounds = Bounds {
        body: read.number("api.max_body_bytes", "CRIER_API_MAX_BODY_BYTES", 1 << 20, 1_024..=64 << 20),
        connections: read.number("api.max_connections", "CRIER_API_MAX_CONNECTIONS", 512, 1..=65_536),
        database_connections: read.number(
            "api.database_connections",
            "CRIER_API_DATABASE_CONNECTIONS",
            8,
            1..=1_000,
        ),
        statement: read.duration(
            "api.statement_timeout",
            "CRIER_API_STATEMENT_TIMEOUT",
            10_000,
            100..=15_000,
        ),
    };
    let listen = listen?;
    let Ok(listen) = listen.parse() else {
        let shape = "it must be an address and a port like 127.0.0.1:8481";
        read.problem(format!("api.listen is {listen:?}; {shape}"));
        return None;
    };
    if tokens.secret_file.is_none() && tokens.jwks_file.is_none() && tokens.jwks_url.is_none() {
        read.problem(
            "api.listen is set, but nothing that callers' tokens are verified by: set api.jwt_secret_file \
             (CRIER_API_JWT_SECRET_FILE), api.jwks_url (CRIER_API_JWKS_URL) or api.jwks_file (CRIER_API_JWKS_FILE)"
                .into(),
        );
    }
    Some(Api { listen, database_url, tokens, cors_origins, dashboard, metrics, bounds })
}

fn origins(read: &mut Reader<'_>, key: &str, variable: &str) -> Vec<String> {
    let listed = read.list(key, variable);
    let found = listed.iter().filter_map(|text| {
        let found = origin(text).map(|found| found.ascii_serialization());
        if found.is_none() {
            let shape =
                "it must be an origin like https://app.example (http on loopback only), without a path";
            read.problem(format!("{key} has {text:?}; {shape}"));
        }
        found
    });
    found.collect()
}

fn tokens(read: &mut Reader<'_>) -> Tokens {
    let jwks_url = read.text("api.jwks_url", "CRIER_API_JWKS_URL").and_then(|url| match check_base(&url) {
        Ok(url) => Some(url),
        Err(why) => {
            read.problem(format!("api.jwks_url is {url:?}: {why}"));
            None
        }
    });
    let found = Tokens {
        secret_file: read.text("api.jwt_secret_file", "CRIER_API_JWT_SECRET_FILE").map(PathBuf::from),
        jwks_file: read.text("api.jwks_file", "CRIER_API_JWKS_FILE").map(PathBuf::from),
        jwks_url,
        issuer: read.text("api.jwt_issuer", "CRIER_API_JWT_ISSUER"),
        audience: read.text("api.jwt_audience", "CRIER_API_JWT_AUDIENCE"),
        leeway: read.duration("api.jwt_leeway", "CRIER_API_JWT_LEEWAY", 30_000, 0..=300_000),
    };
    if found.jwks_file.is_some() && found.jwks_url.is_some() {
        read.problem("api.jwks_file and api.jwks_url are both set; keep one of them".into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reader;

    fn read(text: &str) -> Result<Option<Api>, Vec<String>> {
        reader::read(text, resolve)
    }

    #[test]
    fn it_is_off_unless_it_has_an_address_and_what_verifies() {
        assert!(read("").unwrap().is_none());
        assert!(read("[api]\njwt_audience = 'a'").unwrap().is_none());
        let api = read("[api]\nlisten = '127.0.0.1:0'\njwt_secret_file = 's'").unwrap().unwrap();
        assert_eq!((api.bounds.body, api.bounds.connections), (1 << 20, 512));
        assert!(api.cors_origins.is_empty() && api.tokens.issuer.is_none() && api.dashboard.is_none());
        assert!(api.metrics);
        let quiet = "[api]\nlisten = '127.0.0.1:0'\njwt_secret_file = 's'\nmetrics = false";
        assert!(!read(quiet).unwrap().unwrap().metrics);
        let text = "[api]\nlisten = '127.0.0.1:0'\njwt_secret_file = 's'\ndashboard = true\nsign_in_origins = ['https://a.example']";
        let shown = read(text).unwrap().unwrap().dashboard.unwrap();
        assert_eq!(shown.sign_in_origins, ["https://a.example"]);
        let problems = read("[api]\nlisten = '127.0.0.1:0'").unwrap_err();
        assert!(problems[0].contains("CRIER_API_JWT_SECRET_FILE"), "{problems:?}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let text = "[api]\nlisten = 'here'\njwks_url = 'http://keys.example'\njwks_file = 'f'\ndatabase_url = 'host=a port=canary'\n\
                    cors_origins = ['https://app.example/', '*', 'https://app.example']\nmax_body_bytes = 1\n\
                    statement_timeout = '1 h'\njwt_leeway = '1 h'";
        let problems = read(text).unwrap_err();
        for part in [
            "api.listen",
            "api.jwks_url",
            "api.database_url",
            "api.cors_origins has \"https://app.example/\"",
            "api.cors_origins has \"*\"",
            "api.max_body_bytes",
            "api.statement_timeout",
            "api.jwt_leeway",
        ] {
            assert!(problems.iter().any(|problem| problem.starts_with(part)), "{part} in {problems:#?}");
        }
        assert_eq!(problems.len(), 8, "{problems:#?}");
        assert!(!format!("{problems:?}").contains("canary"));
    }
}

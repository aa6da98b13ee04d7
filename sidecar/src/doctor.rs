//! `crierd doctor`: checks a deployment, one line per part, each failure with its remedy.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crier_core::platform::bluesky::PLATFORM as BLUESKY;

use crate::address::check_base;
use crate::client::Client;
use crate::config::{Config, OAuth};
use crate::db::{Db, Server, Status};
use crate::error::Error;
use crate::http::api_db;
use crate::journal::Journal;
use crate::keys::status;
use crate::media::Fetcher;
use crate::providers::{Apps, Provider, Providers};

/// Postgres has fixed what extensions written in C need since these minor releases.
const MIN_MINORS: &[(i32, i32)] = &[(14, 25), (15, 20), (16, 16), (17, 12), (18, 6)];
/// Clocks that differ by more make tokens look fresh or ended when they are not.
const MAX_SKEW: Duration = Duration::from_secs(5);

/// What a check found.
enum Finding {
    Good(String),
    /// It works, but should be looked at.
    Odd(String, String),
    /// What is wrong, and the remedy.
    Bad(String, String),
}

struct Report {
    failed: usize,
}

impl Report {
    fn line(&mut self, part: &str, finding: Finding) {
        self.failed += usize::from(matches!(finding, Finding::Bad(..)));
        println!("{}", Line { part, finding: &finding });
    }
}

struct Line<'a> {
    part: &'a str,
    finding: &'a Finding,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.finding {
            Finding::Good(found) => write!(f, "ok    {:<10} {found}", self.part),
            Finding::Odd(found, remedy) => write!(f, "warn  {:<10} {found}; remedy: {remedy}", self.part),
            Finding::Bad(found, remedy) => write!(f, "FAIL  {:<10} {found}; remedy: {remedy}", self.part),
        }
    }
}

/// Prints every check; fails if one has failed. `pds` is the Bluesky server to ask instead of the default one.
pub(crate) async fn run(config: &Config, pds: Option<&str>) -> Result<(), Error> {
    let mut report = Report { failed: 0 };
    check_database(config, &mut report).await;
    check_keys(config, &mut report).await;
    report.line("api", check_api(config).await);
    report.line("journal", check_journal(config.refresh.journal.as_deref()));
    report.line("webhooks", check_webhooks(config));
    let apps = config.apps().unwrap_or_else(|error| {
        report.line("apps", bad(&error, "mend the file, or name another one in the configuration"));
        Apps::default()
    });
    let providers = Providers::new(&Client::new()?, &Fetcher::new()?, &apps);
    report.line("oauth", check_oauth(&config.oauth, &providers));
    for provider in providers.iter() {
        let server = pds.filter(|_| provider.platform().name == BLUESKY.name);
        report.line(provider.platform().name, check_platform(provider.as_ref(), server).await);
    }
    match report.failed {
        0 => Ok(()),
        failed => Err(Error::Refused(format!("{failed} check(s) failed"))),
    }
}

/// Whether calls of the API can be made for users.
async fn check_api(config: &Config) -> Finding {
    let Some(api) = &config.api else { return Finding::Good("it is off: api.listen is not set".into()) };
    let remedy = "GRANT crier_app to the role that the API logs in with: docs/api.md";
    match api_db(api, &config.database) {
        Err(error) => bad(&error, "check database.ca_file and the system's certificates"),
        Ok(db) => match db.may_call().await {
            Ok(()) => Finding::Good(format!("{}, for users as crier_app", api.listen)),
            Err(error) => bad(&error, remedy),
        },
    }
}

/// Where refreshed tokens are written down before the database has them.
fn check_journal(dir: Option<&Path>) -> Finding {
    const REMEDY: &str = "set refresh.journal (CRIER_REFRESH_JOURNAL) to a directory of crierd's own";
    let Some(dir) = dir else {
        return Finding::Odd("there is none, so that a kill can cost a login".into(), REMEDY.into());
    };
    match Journal::open(dir).try_out() {
        Ok(()) => Finding::Good(format!("{} can be written to", dir.display())),
        Err(error) => bad(&error, REMEDY),
    }
}

/// Whether what signs the platforms' webhooks can be read.
fn check_webhooks(config: &Config) -> Finding {
    match config.webhooks() {
        Ok(_) => Finding::Good("the secrets can be read".into()),
        Err(error) => bad(&error, "mend the file, or name another one in [webhooks]"),
    }
}

async fn check_database(config: &Config, report: &mut Report) {
    let db = match Db::new(&config.database) {
        Ok(db) => db,
        Err(error) => {
            return report
                .line("database", bad(&error, "check database.ca_file and the system's certificates"));
        }
    };
    let before = SystemTime::now();
    let server = match db.server().await {
        Ok(server) => server,
        Err(error) => {
            return report.line(
                "database",
                bad(
                    &error,
                    "check database.url (and its sslmode, or database.ca_file) and that Postgres runs",
                ),
            );
        }
    };
    report.line("database", Finding::Good(format!("connected as {}", server.role)));
    report.line("server", check_server(&server));
    report.line("clock", check_clock(before, SystemTime::now(), server.now));
    report.line("extension", check_version(db.version().await));
    let status = db.status().await;
    report.line("schema", check_schema(&status));
    report.line("role", check_role(&server.role, db.may_claim().await));
    if let Ok(status) = &status {
        report.line("pause", check_pause(status));
    }
}

fn bad(error: &Error, remedy: &str) -> Finding {
    Finding::Bad(error.to_string().replace('\n', "; "), remedy.into())
}

fn check_server(server: &Server) -> Finding {
    let (major, minor) = (server.version_num / 10_000, server.version_num % 10_000);
    let found = format!("Postgres {}", server.version);
    match MIN_MINORS.iter().find(|(known, _)| *known == major) {
        Some((_, min)) if minor >= *min => Finding::Good(found),
        Some((_, min)) => {
            Finding::Odd(format!("{found} has known holes"), format!("update to {major}.{min} or later"))
        }
        None => Finding::Odd(format!("{found} is not tested"), "use Postgres 14 to 18".into()),
    }
}

/// The server's clock was read somewhere between two readings of ours.
fn check_clock(before: SystemTime, after: SystemTime, server: SystemTime) -> Finding {
    let behind = before.duration_since(server).unwrap_or_default();
    let ahead = server.duration_since(after).unwrap_or_default();
    let skew = behind.max(ahead);
    if skew <= MAX_SKEW {
        return Finding::Good(format!("within {} ms of the database's", skew.as_millis()));
    }
    let found = format!("{} s away from the database's", skew.as_secs());
    Finding::Bad(found, "run a time service on both machines".into())
}

fn check_version(version: Result<String, Error>) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    match version {
        Ok(version) if version == ours => {
            Finding::Good(format!("crier {version}, the version of this crierd"))
        }
        Ok(version) => Finding::Bad(
            format!("crier {version}, but this crierd is {ours}"),
            "install both from one release; then ALTER EXTENSION crier UPDATE and `crierd migrate`".into(),
        ),
        Err(error) if error.is_missing_function() => Finding::Bad(
            "crier is not installed in this database".into(),
            "CREATE EXTENSION crier, then `crierd migrate`".into(),
        ),
        Err(error) => bad(&error, "check that the role is a member of crier_worker"),
    }
}

fn check_schema(status: &Result<Status, Error>) -> Finding {
    match status {
        Ok(status) if status.schema_current => {
            Finding::Good(format!("at migration {}, the newest", status.schema_version))
        }
        Ok(status) => {
            let found = format!("at migration {}, and not with all of the library's", status.schema_version);
            Finding::Bad(found, "run `crierd migrate`".into())
        }
        Err(error) => bad(error, "run `crierd migrate`"),
    }
}

fn check_role(role: &str, may_claim: Result<bool, Error>) -> Finding {
    let remedy = format!("GRANT crier_worker TO {role}");
    match may_claim {
        Ok(true) => Finding::Good(format!("{role} may take jobs")),
        Ok(false) => Finding::Bad(format!("{role} may not take jobs"), remedy),
        Err(error) => bad(&error, &format!("run `crierd migrate`, then {remedy}")),
    }
}

fn check_pause(status: &Status) -> Finding {
    if !status.paused {
        return Finding::Good("jobs are handed out".into());
    }
    let reason = status.reason.as_deref().unwrap_or("no reason given");
    let remedy = "once no other copy of this database publishes, run SELECT crier.adopt_database()";
    Finding::Bad(format!("nothing is handed out: {reason}"), remedy.into())
}

/// Whether there are keys, and whether they are those that the database needs.
async fn check_keys(config: &Config, report: &mut Report) {
    let keys = match config.keys.load().await {
        Ok(keys) => keys,
        Err(error) => {
            let remedy = match error {
                Error::File { .. } => "`crierd init` makes one; or restore it from its backup",
                _ => "mend it, or restore it from its backup",
            };
            return report.line("key file", bad(&error, remedy));
        }
    };
    let (count, active) = (keys.count(), keys.active());
    let found = format!("{}: {count} key(s), key {active} is active", config.keys.name());
    report.line("key file", Finding::Good(found));
    // What is wrong with the database stands in lines of its own.
    let Ok(db) = Db::new(&config.database) else { return };
    if let Ok(assessment) = status::assess(&db, &keys).await {
        report.line("sealed", check_sealed(assessment.problem(), assessment.pending()));
    }
}

fn check_sealed(problem: Option<(String, String)>, pending: Option<String>) -> Finding {
    match (problem, pending) {
        (Some((problem, remedy)), _) => Finding::Bad(problem, remedy),
        (None, Some(pending)) => Finding::Odd(pending, "run `crierd keys rotate`".into()),
        (None, None) => Finding::Good("what is in the database opens with these keys".into()),
    }
}

/// Whether people can connect accounts, and where.
fn check_oauth(oauth: &OAuth, providers: &Providers) -> Finding {
    let Some(public_url) = &oauth.public_url else {
        let none = "nobody can connect accounts by OAuth: http.public_url is not set";
        return match oauth.return_origins.is_empty() {
            true => Finding::Good(none.into()),
            false => Finding::Odd(none.into(), "set it to where browsers reach this crierd".into()),
        };
    };
    if oauth.return_origins.is_empty() {
        let found = format!("{public_url}, but no application is known that people could be sent back to");
        return Finding::Bad(found, "set oauth.return_origins to the origins of your applications".into());
    }
    let offers =
        providers.iter().filter_map(|provider| Some((provider.platform().name, provider.connect()?)));
    let (with, without): (Vec<_>, Vec<_>) = offers.partition(|(_, connect)| {
        let server = connect.server(None, oauth.reach);
        connect.registers() || server.is_ok_and(|server| connect.app(&server).is_ok())
    });
    let names = |list: Vec<(&str, _)>| list.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    let found = format!("{public_url}, for {}", names(with));
    match (public_url.starts_with("http://"), without.is_empty()) {
        (true, _) => Finding::Odd(
            format!("{found}; by plain http"),
            "use https anywhere but on a developer's machine".into(),
        ),
        (false, false) => {
            let remedy = "set client_id and client_secret_file of [platforms.…] for those you want";
            Finding::Odd(format!("{found}; without an app: {}", names(without)), remedy.into())
        }
        (false, true) => Finding::Good(found),
    }
}

async fn check_platform(provider: &dyn Provider, named: Option<&str>) -> Finding {
    let Some(server) = named.or(provider.default_base_url()) else {
        return Finding::Good("each account names its own server".into());
    };
    let base_url = match check_base(server) {
        Ok(base_url) => base_url,
        Err(why) => {
            return Finding::Bad(format!("{server}: {why}"), "give the server's https address".into());
        }
    };
    match provider.reach(&base_url).await {
        Ok(()) => Finding::Good(format!("{server} answers")),
        Err(failure) if named.is_some() => Finding::Bad(
            format!("{server} is not reached: {failure}"),
            "check the address and the network".into(),
        ),
        // Accounts may all be elsewhere.
        Err(failure) => Finding::Odd(
            format!("{server} is not reached: {failure}"),
            "check the network and name resolution; it matters only if accounts are there".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(finding: &Finding) -> bool {
        matches!(finding, Finding::Bad(_, remedy) if !remedy.is_empty())
    }

    #[test]
    fn clocks_may_differ_a_little() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(!failed(&check_clock(at(100), at(101), at(100))));
        assert!(!failed(&check_clock(at(100), at(101), at(104))));
        assert!(failed(&check_clock(at(100), at(101), at(90))));
        assert!(failed(&check_clock(at(100), at(101), at(120))));
    }

    #[test]
    fn every_failure_has_a_remedy() {
        let sql = |state: &str| Error::Sql { state: state.into(), message: "m".into(), hint: None };
        assert!(failed(&check_version(Ok("0.0.1".into()))));
        assert!(failed(&check_version(Err(sql("42883")))));
        assert!(failed(&check_schema(&Err(sql("42P01")))));
        assert!(failed(&check_role("crierd", Ok(false))));
        assert!(!failed(&check_role("crierd", Ok(true))));
        let copy = Status {
            paused: true,
            reason: Some("a copy".into()),
            library_version: "1".into(),
            schema_version: 1,
            schema_current: true,
        };
        assert!(failed(&check_pause(&copy)));
        assert!(failed(&check_sealed(Some(("p".into(), "r".into())), None)));
        assert!(matches!(check_sealed(None, Some("p".into())), Finding::Odd(..)));
    }

    #[test]
    fn logins_need_an_address_an_application_and_apps() {
        let providers = |apps: Apps| Providers::new(&Client::new().unwrap(), &Fetcher::new().unwrap(), &apps);
        let oauth = |url: Option<&str>, origins: &[&str]| OAuth {
            public_url: url.map(str::to_owned),
            return_origins: origins.iter().map(|origin| url::Url::parse(origin).unwrap().origin()).collect(),
            ..OAuth::default()
        };
        let (none, app) = (providers(Apps::default()), ["https://app.example"]);
        assert!(matches!(check_oauth(&oauth(None, &[]), &none), Finding::Good(_)));
        assert!(matches!(check_oauth(&oauth(None, &app), &none), Finding::Odd(..)));
        assert!(failed(&check_oauth(&oauth(Some("https://c.example"), &[]), &none)));
        let Finding::Odd(found, _) = check_oauth(&oauth(Some("https://c.example"), &app), &none) else {
            panic!("expected apps to be missing")
        };
        assert!(
            found.contains("for bluesky, mastodon, misskey; without an app: facebook, instagram"),
            "{found}"
        );
        let local = check_oauth(&oauth(Some("http://127.0.0.1:1"), &app), &none);
        assert!(matches!(local, Finding::Odd(found, _) if found.contains("plain http")));
    }

    #[test]
    fn old_servers_are_told_of() {
        let server = |version_num| Server {
            version: "x".into(),
            version_num,
            role: "r".into(),
            now: SystemTime::UNIX_EPOCH,
        };
        assert!(matches!(check_server(&server(150_020)), Finding::Good(_)));
        assert!(matches!(check_server(&server(150_019)), Finding::Odd(..)));
        assert!(matches!(check_server(&server(130_001)), Finding::Odd(..)));
    }
}

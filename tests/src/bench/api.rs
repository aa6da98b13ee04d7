//! The API under load: a thousand clients that ask as fast as they are answered, then at a pace with and without others beside them
//! that send slowly or too much; and the memory that it takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::sleep;
use uuid::Uuid;

use super::Bench;
use super::callers::{Asked, Caller, KINDS, Kind, Trouble, User};
use super::report::{Millis, Rate, Target, Timing};
use crate::api;
use crate::cluster::SIDECAR_ROLE;
use crate::crierd::{Crierd, Deployment};
use crate::session::Session;
use crate::stage::dummy_account;

/// One of so many jobs of a drain is a client here.
const PART: usize = 100;
const CLIENTS_OF_USER: usize = 20;
const POSTS: i64 = 100;
/// Slow clients beside so many others.
const BESIDE: usize = 5;
const HUGE: usize = 4;
/// Half of them are without trouble.
const TURNS: u32 = 10;
/// How often each client asks that does not ask as fast as it can.
const PACE: Duration = Duration::from_secs(5);
const FOR_EVER: Duration = Duration::from_secs(1);
/// How much longer it may take beside those who make trouble, and how much more memory it may have in the end.
const BESIDE_LIMIT: f64 = 1.5;
const GROWTH_LIMIT: f64 = 1.25;

const CREATE: &str = "SELECT crier.create_post($1, 'post ' || n, ARRAY[$2::uuid], now() + interval '1 day') FROM generate_series(1, $3::bigint) n";
/// Neither is what is measured.
const UNBOUNDED: &str =
    "UPDATE crier.request_limit SET per_minute = 2000000000; UPDATE crier.tenant_limit SET max = NULL";
const TRANSACTIONS: &str =
    "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";

/// A sidecar that is asked.
struct Served {
    crierd: Crierd,
    sql: Session,
    users: Vec<User>,
    clients: usize,
    begun: Instant,
    /// Memory, about once a second.
    resident: Vec<u64>,
}

pub(super) async fn run(bench: &mut Bench) {
    let clients = (bench.plan.jobs / PART).clamp(10, 1_000);
    allow_files();
    let deployment = Deployment::init(&bench.database.url(SIDECAR_ROLE));
    let mut served = Served::start(bench, &deployment, clients).await;
    let time = bench.plan.time;
    flat_out(bench, &mut served, time).await;
    at_a_pace(bench, &mut served, time).await;
    memory(bench, &served);
    served.crierd.kill();
    bench.crier().clone().empty(&bench.database).await;
}

/// Connections are files.
fn allow_files() {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })
        .unwrap_or_else(|error| panic!("no more files: {error}"));
}

impl Served {
    async fn start(bench: &Bench, deployment: &Deployment, clients: usize) -> Self {
        let sql = bench.database.connect().await;
        sql.run(UNBOUNDED).await;
        let role = "bench_api";
        sql.run(&format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN NOINHERIT IN ROLE crier_app"))
            .await;
        let tomorrow =
            sql.text("SELECT to_char(now() + interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')").await;
        let mut users = Vec::new();
        for _ in 0..clients.div_ceil(CLIENTS_OF_USER) {
            let id = Uuid::new_v4();
            let workspace: Uuid = sql.value("SELECT crier.create_workspace('bench', $1)", &[&id]).await;
            let account = dummy_account(&sql, workspace, "alice.test").await;
            let posts = sql.column(CREATE, &[&workspace, &account, &POSTS]).await;
            users.push(User { id, workspace, account, posts, tomorrow: tomorrow.clone() });
        }
        sql.run("VACUUM ANALYZE").await;
        let connections = (2 * clients + 100).to_string();
        let settings = [("CRIER_API_MAX_CONNECTIONS", connections.as_str()), ("CRIER_LOG_LEVEL", "info")];
        let crierd = api::start(deployment, &bench.database.url(role), &settings).await;
        Self { crierd, sql, users, clients, begun: Instant::now(), resident: Vec::new() }
    }

    fn callers(&self) -> impl Iterator<Item = Caller> {
        let url = self.crierd.api_url();
        (0..self.clients).map(move |n| Caller::new(&url, &self.users[n % self.users.len()], n))
    }

    /// Lets all of them ask, and looks at the memory meanwhile.
    async fn asked(&mut self, time: Duration, pace: Option<Duration>) -> Vec<Asked> {
        // all of them are there before the first one asks
        let callers: Vec<_> = self.callers().collect();
        let begun = Instant::now();
        let tasks: Vec<_> = callers
            .into_iter()
            .enumerate()
            .map(|(n, caller)| {
                let first = pace.map(|every| (every * n as u32 / self.clients as u32, every));
                tokio::spawn(caller.run(begun, time, first))
            })
            .collect();
        let crierd = &self.crierd;
        let mut resident = Vec::new();
        let looks = async {
            while begun.elapsed() < time {
                resident.push(crierd.usage().resident_bytes);
                sleep(FOR_EVER.min(time / 20)).await;
            }
        };
        let (found, ()) = join(join_all(tasks), looks).await;
        self.resident.extend(resident);
        found
            .into_iter()
            .flat_map(|asked| asked.unwrap_or_else(|error| panic!("a client: {error}")))
            .collect()
    }
}

async fn flat_out(bench: &mut Bench, served: &mut Served, time: Duration) {
    let (used_before, before) = (served.crierd.usage(), bench.meter.read(&served.sql).await);
    let done_before: i64 = served.sql.value(TRANSACTIONS, &[]).await;
    let start = Instant::now();
    let asked = served.asked(time, None).await;
    let took = start.elapsed();
    let used = bench.meter.since(before, &served.sql).await;
    // what sessions have done is told now and then
    sleep(FOR_EVER.min(time)).await;
    let done: i64 = served.sql.value(TRANSACTIONS, &[]).await;
    let how = format!("{} clients, as fast as they are answered", served.clients);
    let cpu = served.crierd.usage().cpu_seconds - used_before.cpu_seconds;
    bench.report.note(&format!(
        "api, {how}: {}; {:.1} transactions and {:.3} CPU s/1000 of crierd a request",
        statuses(&asked),
        (done - done_before) as f64 / asked.len().max(1) as f64,
        cpu * 1_000.0 / asked.len().max(1) as f64
    ));
    timings(bench, &how, &asked);
    bench.report.rates.push(Rate::new("api", "crier", &how, asked.len(), took, used));
}

/// With and without trouble in turns, so that both meet the same machine.
async fn at_a_pace(bench: &mut Bench, served: &mut Served, time: Duration) {
    let trouble = Arc::new(Trouble {
        url: served.crierd.api_url(),
        token: api::token(served.users[0].id),
        may: false.into(),
        over: false.into(),
        cut_off: 0.into(),
        refused: 0.into(),
        other: 0.into(),
    });
    let slow = served.clients / BESIDE;
    let mut tasks: Vec<_> =
        (0..slow).map(|n| tokio::spawn(Arc::clone(&trouble).slowly(n % 2 == 0))).collect();
    tasks.extend((0..HUGE).map(|n| tokio::spawn(Arc::clone(&trouble).hugely(n % 2 == 0))));
    let turn = time / TURNS;
    let turns = async {
        for number in 0..TURNS {
            trouble.may.store(number % 2 == 1, Ordering::Relaxed);
            sleep(turn).await;
        }
        trouble.over.store(true, Ordering::Relaxed);
    };
    let pace = PACE.min(time / 4);
    let (asked, ()) = join(served.asked(time, Some(pace)), turns).await;
    join_all(tasks).await;
    let number = |asked: &Asked| (asked.at.as_secs_f64() / turn.as_secs_f64()) as u32;
    let (beside, alone): (Vec<_>, Vec<_>) = asked.iter().partition(|asked| number(asked) % 2 == 1);
    let rate = served.clients as f64 / pace.as_secs_f64();
    for (what, asked) in [("alone", &alone), ("beside trouble", &beside)] {
        let how = format!("{} clients, {rate:.0} requests/s, {what}", served.clients);
        bench.report.note(&format!("api, {how}: {}", statuses(asked)));
        timings(bench, &how, asked);
    }
    bench.report.note(&format!(
        "api: trouble was {slow} connections that send a byte a second ({} were cut off), and {} bodies of 100 MB, {} of which were not refused",
        trouble.cut_off.load(Ordering::Relaxed),
        trouble.refused.load(Ordering::Relaxed) + trouble.other.load(Ordering::Relaxed),
        trouble.other.load(Ordering::Relaxed)
    ));
    let p99 = |asked: &[Asked]| Millis::new(asked.iter().map(|asked| asked.took).collect()).p99_ms;
    let ratio = p99(&beside) / p99(&alone).max(0.001);
    times(bench, "api: p99 beside slow clients and large bodies, by that without them", ratio, BESIDE_LIMIT);
}

fn memory(bench: &mut Bench, served: &Served) {
    let seen = &served.resident;
    let mega = |bytes: u64| bytes as f64 / 1e6;
    let most = |of: &[u64]| of.iter().copied().max().unwrap_or_default();
    let [first, last] = [most(&seen[..seen.len().div_ceil(5)]), most(&seen[seen.len() * 4 / 5..])];
    bench.report.note(&format!(
        "api: crierd has {:.0} MB when it begins, at most {:.0} MB, {:.0} MB in the end ({:.0} s)",
        mega(seen.first().copied().unwrap_or_default()),
        mega(most(seen)),
        mega(seen.last().copied().unwrap_or_default()),
        served.begun.elapsed().as_secs_f64()
    ));
    times(
        bench,
        "api: memory in the last fifth, by that in the first",
        last as f64 / first.max(1) as f64,
        GROWTH_LIMIT,
    );
}

fn times(bench: &mut Bench, what: &str, measured: f64, limit: f64) {
    let pass = Some(measured < limit);
    bench.report.targets.push(Target {
        what: what.to_owned(),
        measured: Some(measured),
        limit,
        unit: "times",
        pass,
    });
}

fn timings(bench: &mut Bench, how: &str, asked: &[Asked]) {
    let of =
        |kind: Kind| asked.iter().filter(move |asked| asked.kind == kind).map(|asked| asked.took).collect();
    let mut add = |what: String, took: Vec<Duration>| {
        bench.report.timings.push(Timing { what: format!("api, {how}: {what}"), millis: Millis::new(took) });
    };
    add("all".to_owned(), asked.iter().map(|asked| asked.took).collect());
    for kind in KINDS {
        add(format!("{kind:?}").to_lowercase(), of(kind));
    }
}

/// How often each status was given.
fn statuses(asked: &[Asked]) -> String {
    let mut counts = BTreeMap::<u16, usize>::new();
    for one in asked {
        *counts.entry(one.status).or_default() += 1;
    }
    let shown: Vec<_> = counts.iter().map(|(status, count)| format!("{count} times {status}")).collect();
    shown.join(", ")
}

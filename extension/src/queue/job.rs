//! A job before it is in the queue.

use std::collections::{HashMap, HashSet};

use crier_core::retry;
use pgrx::Uuid;

use crate::actions;
use crate::alerts::DELIVER;
use crate::error::{CrierError, Result};
use crate::input;
use crate::memory;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held::id_of;
use crate::queue::kinds::Policies;
use crate::queue::settle::{PUBLISH, PUBLISH_COMMENT};
use crate::queue::stored::small;
use crate::queue::{checkpoint, load, settle, tenant_limits, user_limits};
use crate::transaction::{self, FAR, KEYED};
use crate::webhooks::PROCESS;
use crate::workspaces::new_id;

const INSERT: Statement = statement!(up "queue/insert_jobs");
const INSERT_ONE: Statement = statement!(up "queue/insert_job");
const PLATFORMS: Statement = statement!(up "queue/platforms").planned_once();
const FIND_KEYS: Statement = statement!(up "queue/find_keys");
const TAKE_KEYS: Statement = statement!(up "queue/take_keys");

const MAX_KIND_CHARS: usize = 100;
const MAX_KEY_BYTES: usize = 500;
const MAX_PARAMS_BYTES: usize = 1_048_576;
const MAX_ATTEMPTS: i32 = 100;
/// Tries to add a job while others take and free its dedupe key.
const MAX_ROUNDS: usize = 10;

/// Refuses a kind whose jobs application users have made for them.
pub(crate) fn require_own_kind(kind: &str) -> Result<()> {
    let makers = match kind {
        PUBLISH | PUBLISH_COMMENT => "only crier.create_post() makes",
        DELIVER => "only alerts make",
        PROCESS => "only crier.receive_webhook() and crier.replay_webhook() make",
        kind if actions::is_own_kind(kind) => {
            "only crier.act(), crier.delete_published() and crier.read_metrics() make"
        }
        _ => return Ok(()),
    };
    Err(CrierError::NotAllowed(format!("{makers} jobs of kind {kind}")))
}

/// A job to be added.
pub(crate) struct NewJob {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    /// JSON as text.
    pub(crate) params: String,
    pub(crate) workspace_id: Option<Uuid>,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) account_id: Option<Uuid>,
    pub(crate) priority: i32,
    /// Nothing means now.
    pub(crate) run_at: Option<Timestamptz>,
    pub(crate) max_attempts: Option<i32>,
    pub(crate) expires_at: Option<Timestamptz>,
    pub(crate) dedupe_key: Option<String>,
    /// It goes on with what was accepted before: no limit of its user refuses it.
    pub(crate) goes_on: bool,
    /// An application user asks for it: the bounds of tenants hold.
    pub(crate) of_user: bool,
}

impl NewJob {
    /// A job with defaults.
    pub(crate) fn new(kind: String, params: String) -> Self {
        Self {
            id: new_id(),
            kind,
            params,
            workspace_id: None,
            user_id: None,
            account_id: None,
            priority: 0,
            run_at: None,
            max_attempts: None,
            expires_at: None,
            dedupe_key: None,
            goes_on: false,
            of_user: false,
        }
    }

    /// Refuses what could never run or what no index can hold.
    pub(crate) fn check(&self, now: Timestamptz) -> Result<()> {
        input::text(Some(&self.kind), "kind", MAX_KIND_CHARS)?;
        if self.params.len() > MAX_PARAMS_BYTES {
            let found = self.params.len();
            return Err(CrierError::TooLarge {
                what: "params",
                found,
                limit: MAX_PARAMS_BYTES,
                unit: "bytes",
            });
        }
        if let Some(attempts) = self.max_attempts
            && !(1..=MAX_ATTEMPTS).contains(&attempts)
        {
            let problem = format!("is {attempts}");
            return Err(CrierError::invalid("max_attempts", problem, "Give a number from 1 to 100."));
        }
        let run_at = self.run_at.unwrap_or(now).plausible("run_at", now)?;
        if let Some(expires_at) = self.expires_at
            && (expires_at.plausible("expires_at", now)? <= run_at || expires_at <= now)
        {
            return Err(CrierError::invalid(
                "expires_at",
                "lies before the job could run",
                "Let it lie after run_at and in the future.",
            ));
        }
        match self.dedupe_key.as_deref() {
            Some("") => Err(CrierError::invalid(
                "dedupe_key",
                "must not be empty",
                "Leave it null to allow duplicates.",
            )),
            Some(key) if key.len() > MAX_KEY_BYTES => {
                let found = key.len();
                Err(CrierError::TooLarge { what: "dedupe_key", found, limit: MAX_KEY_BYTES, unit: "bytes" })
            }
            _ => Ok(()),
        }
    }

    fn attempts(&self, of_kind: Option<i32>) -> i32 {
        self.max_attempts.or(of_kind).unwrap_or(retry::DEFAULT_MAX_ATTEMPTS)
    }

    /// The workspace within which its dedupe key counts; the nil uuid stands for none.
    pub(crate) fn key_space(&self) -> Uuid {
        self.workspace_id.unwrap_or_else(|| Uuid::from_bytes([0; 16]))
    }
}

/// Adds jobs that were checked; answers with an id per job, in order: that of the unfinished job that has its dedupe
/// key, where one has.
pub(crate) fn insert(jobs: &[NewJob], now: Timestamptz) -> Result<Vec<Uuid>> {
    let policies = Policies::of(jobs.iter().map(|job| job.kind.as_str()))?;
    let mut ids: Vec<Option<Uuid>> =
        jobs.iter().map(|job| job.dedupe_key.is_none().then_some(job.id)).collect();
    take_keys(jobs, &mut ids, now)?;
    let added: Vec<&NewJob> =
        jobs.iter().zip(&ids).filter(|(job, id)| **id == Some(job.id)).map(|(job, _)| job).collect();
    append(&added, &policies, now)?;
    // Each round lost its key to a job that was finished a moment later.
    let give_up =
        || CrierError::Busy("the dedupe key is taken and freed faster than a job can be added".into());
    ids.into_iter().map(|id| id.ok_or_else(give_up)).collect()
}

/// Appends jobs to the log and to the working set.
pub(crate) fn append(jobs: &[&NewJob], policies: &Policies, now: Timestamptz) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    transaction::register()?;
    load::warm()?;
    let limited = user_limits::take(jobs, policies, now)?;
    let platforms = platforms(jobs)?;
    let place = |job: &NewJob| job.account_id.and_then(|id| platforms.get(&id));
    let platform = |job: &NewJob| place(job).map(|(platform, _)| platform.as_str());
    let host = |job: &NewJob| place(job).map(|(_, host)| host.as_str());
    let attempts = |job: &NewJob| job.attempts(policies.max_attempts(&job.kind));
    tenant_limits::check(jobs, platform, now)?;
    if let [job] = jobs {
        INSERT_ONE.run_only(&[
            job.id.into(),
            job.kind.as_str().into(),
            job.params.as_str().into(),
            job.workspace_id.into(),
            job.user_id.into(),
            job.account_id.into(),
            platform(job).into(),
            job.priority.into(),
            job.run_at.unwrap_or(now).into(),
            attempts(job).into(),
            job.expires_at.into(),
            job.dedupe_key.as_deref().into(),
            now.into(),
            host(job).into(),
        ])?;
    } else {
        insert_many(jobs, platform, host, attempts, now)?;
    }
    checkpoint::note_late(jobs.iter().map(|job| job.id))?;
    settle::note_far(jobs.iter().map(|job| (job.run_at.unwrap_or(now), job.id)), now)?;
    memory::with(|memory| {
        for job in jobs {
            // What has to wait for others in the tables is not overtaken by what comes later, unless it is urgent.
            let full = !memory.set.has_room(false);
            let behind = memory.set.db(memory.db).cursor != u128::MAX;
            if (full || behind) && job.priority <= 0 {
                transaction::spill(id_of(job.id));
                continue;
            }
            let run_at = job.run_at.unwrap_or(now);
            let key = if job.dedupe_key.is_some() || limited.contains(&job.id) { KEYED } else { 0 };
            let far = if settle::is_far(run_at, now) { FAR } else { 0 };
            transaction::add(
                memory,
                &crier_working_set::NewJob {
                    id: id_of(job.id),
                    workspace: job.workspace_id.map_or(0, id_of),
                    account: job.account_id.map_or(0, id_of),
                    user: job.user_id.map_or(0, id_of),
                    kind: &job.kind,
                    platform: platform(job).unwrap_or(""),
                    host: host(job).unwrap_or(""),
                    priority: job.priority,
                    run_at: run_at.0,
                    expires_at: job.expires_at.map_or(i64::MAX, |at| at.0),
                    attempt: 0,
                    max_attempts: small(attempts(job)),
                    lost_leases: 0,
                    flags: key | far,
                    lease: None,
                },
            );
        }
    })
}

fn insert_many<'a>(
    jobs: &[&'a NewJob],
    platform: impl Fn(&'a NewJob) -> Option<&'a str>,
    host: impl Fn(&'a NewJob) -> Option<&'a str>,
    attempts: impl Fn(&'a NewJob) -> i32,
    now: Timestamptz,
) -> Result<()> {
    INSERT.run_only(&[
        column(jobs, |job| job.id).into(),
        column(jobs, |job| job.kind.as_str()).into(),
        column(jobs, |job| job.params.as_str()).into(),
        column(jobs, |job| job.workspace_id).into(),
        column(jobs, |job| job.user_id).into(),
        column(jobs, |job| job.account_id).into(),
        column(jobs, platform).into(),
        column(jobs, |job| job.priority).into(),
        column(jobs, |job| job.run_at.unwrap_or(now)).into(),
        column(jobs, attempts).into(),
        column(jobs, |job| job.expires_at).into(),
        column(jobs, |job| job.dedupe_key.as_deref()).into(),
        now.into(),
        column(jobs, host).into(),
    ])
}

/// The platforms and servers of the accounts.
fn platforms(jobs: &[&NewJob]) -> Result<HashMap<Uuid, (String, String)>> {
    let mut accounts: Vec<Uuid> = jobs.iter().filter_map(|job| job.account_id).collect();
    accounts.sort_unstable_by_key(|id| *id.as_bytes());
    accounts.dedup();
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = PLATFORMS.read(&[accounts.into()], |row| Ok((row.need(1)?, (row.need(2)?, row.need(3)?))))?;
    Ok(rows.into_iter().collect())
}

fn column<'a, T>(jobs: &[&'a NewJob], of: impl Fn(&'a NewJob) -> T) -> Vec<T> {
    jobs.iter().copied().map(of).collect()
}

/// Takes the dedupe keys of the jobs that have one, or finds out whose they are.
fn take_keys(jobs: &[NewJob], ids: &mut [Option<Uuid>], now: Timestamptz) -> Result<()> {
    // Looked for before any is taken: what is answered so takes part in no wait for others' keys. A key that is freed
    // while it is waited for needs a further round, and only there can callers come to wait for each other in a
    // circle, which the server ends with 40P01.
    for _ in 0..MAX_ROUNDS {
        find_keys(jobs, ids)?;
        let missing: Vec<&NewJob> =
            jobs.iter().zip(&*ids).filter(|(_, id)| id.is_none()).map(|(job, _)| job).collect();
        if missing.is_empty() {
            break;
        }
        let taken = TAKE_KEYS.write(
            &[
                column(&missing, NewJob::key_space).into(),
                column(&missing, |job| job.kind.as_str()).into(),
                column(&missing, |job| job.dedupe_key.as_deref()).into(),
                column(&missing, |job| job.id).into(),
                now.into(),
            ],
            |row| row.need::<Uuid>(1),
        )?;
        let taken: HashSet<Uuid> = taken.into_iter().collect();
        for (job, id) in jobs.iter().zip(&mut *ids).filter(|(job, _)| taken.contains(&job.id)) {
            *id = Some(job.id);
        }
    }
    Ok(())
}

/// Fills in the ids of the unfinished jobs that have the keys of those that have no id yet.
fn find_keys(jobs: &[NewJob], ids: &mut [Option<Uuid>]) -> Result<()> {
    let missing: Vec<usize> = (0..jobs.len()).filter(|at| ids[*at].is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let keyed: Vec<&NewJob> = missing.iter().map(|at| &jobs[*at]).collect();
    let found = FIND_KEYS.write(
        &[
            column(&keyed, NewJob::key_space).into(),
            column(&keyed, |job| job.kind.as_str()).into(),
            column(&keyed, |job| job.dedupe_key.as_deref()).into(),
        ],
        |row| Ok((row.need::<i32>(1)?, row.need::<Uuid>(2)?)),
    )?;
    for (place, id) in found {
        let at = usize::try_from(place - 1).ok().and_then(|place| missing.get(place));
        if let Some(at) = at {
            ids[*at] = Some(id);
        }
    }
    Ok(())
}

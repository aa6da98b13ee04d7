//! Every statement the sidecar sends, one function each.
//!
//! It calls functions of schema `crier` and touches no table: they are the contract with the extension.

mod pool;
mod rows;

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::error::Error;
use crate::providers::Frozen;
use crate::webhook::Endpoint;

pub use pool::Db;
pub(crate) use pool::{patiently, patiently_if, pg_config};
use rows::contract;
pub(crate) use rows::{Action, Actor, Alert, Outcome, Reading};
pub use rows::{AlertEndpoint, Claim, Report, Reported, Status, StoredCredential, Target};

/// The channel that says that there may be work.
pub(crate) const CHANNEL: &str = "crier_jobs";
/// Sent on the listening connection, by the simple protocol.
pub(crate) const LISTEN: &str = "LISTEN crier_jobs";

/// What a function raises for something that is not there.
const NO_DATA_FOUND: &str = "P0002";

const CLAIM_JOBS: &str = "SELECT job_id, token, attempt, kind, account_id FROM crier.claim_jobs(\
     worker => $1, max => $2, kinds => $3, platforms => $4, lease => pg_catalog.make_interval(secs => $5))";
const NEXT_RUN: &str =
    "SELECT EXTRACT(EPOCH FROM crier.next_run_at($1) - pg_catalog.clock_timestamp())::float8";
const COMPLETE_JOBS: &str = "SELECT crier.complete_jobs($1, $2)";
const SNOOZE_JOBS: &str = "SELECT job_id FROM crier.snooze_jobs($1, $2, ARRAY(\
     SELECT pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => pause) \
     FROM pg_catalog.unnest($3) WITH ORDINALITY AS given (pause, place) ORDER BY place))";
const EXTEND_JOBS: &str =
    "SELECT job_id FROM crier.extend_jobs($1, $2, pg_catalog.make_interval(secs => $3))";
const START_TARGET: &str = "SELECT target_id, account_id, platform, state, content, media, settings, prepared, \
     platform_key, request, attempt, extract(epoch FROM pg_catalog.clock_timestamp() - intent_at)::float8 AS since_intent, \
     extract(epoch FROM pg_catalog.clock_timestamp() - drafted_at)::float8 AS since_draft, \
     external_id, handle, base_url, account_status, was_unclear, part, reply_to FROM crier.start_target($1, $2)";
const SAVE_PREPARED: &str = "SELECT crier.save_prepared($1, $2, $3)";
const RECORD_INTENT: &str = "SELECT platform_key, request \
     FROM crier.record_intent($1, $2, $3, $4, pg_catalog.make_interval(secs => $5))";
const WITHDRAW_INTENT: &str = "SELECT crier.withdraw_intent($1, $2)";
const TAKEN_POSTS: &str = "SELECT external_id, extract(epoch FROM pg_catalog.clock_timestamp() - intent_at)::float8 \
     FROM crier.taken_posts($1, $2)";
const REPORT_TARGETS: &str =
    "SELECT job_id, target_state, job_status FROM crier.report_targets($1, $2, $3, $4, $5)";
const START_ACTION: &str = "SELECT action_id, kind, subject, text, account_id, platform, external_id, handle, base_url, \
     account_status FROM crier.start_action($1, $2)";
const RECORD_SENDING: &str = "SELECT crier.record_sending($1, $2, pg_catalog.make_interval(secs => $3))";
const REPORT_ACTION: &str = "SELECT crier.report_action($1, $2, $3, $4, $5)";
const START_READING: &str = "SELECT post, account_id, platform, external_id, handle, base_url, account_status \
     FROM crier.start_reading($1, $2)";
const REPORT_METRICS: &str = "SELECT crier.report_metrics($1, $2, $3, $4, $5)";
const CONNECT_ACCOUNT: &str = "SELECT account_id, generation FROM crier.connect_account($1, $2, $3, $4, $5)";
const STORE_CREDENTIAL: &str = "SELECT crier.store_credential($1, $2, $3, $4, $5)";
const GET_CREDENTIAL: &str = "SELECT workspace_id, generation, sealed, refresh_leased_until, account_status \
     FROM crier.get_credential($1)";
const BEGIN_REFRESH: &str = "SELECT crier.begin_refresh($1, $2, pg_catalog.make_interval(secs => $3))";
const FAIL_REFRESH: &str = "SELECT crier.fail_refresh($1, $2, $3, $4, $5)";
const START_ALERT: &str =
    "SELECT endpoint_id, workspace_id, url, sealed, kind, body FROM crier.start_alert($1, $2)";
const REPORT_ALERT: &str = "SELECT crier.report_alert($1, $2, $3, $4)";
const ADD_ALERT_ENDPOINT: &str = "SELECT crier.add_alert_endpoint($1, $2, $3, $4, $5)";
const LIST_ALERT_ENDPOINTS: &str = "SELECT id, workspace_id, url, kinds, disabled_because, \
     failing_since IS NOT NULL AS failing, last_error, waiting FROM crier.list_alert_endpoints($1)";
const REMOVE_ALERT_ENDPOINT: &str = "SELECT crier.remove_alert_endpoint($1)";
const GET_ALERT_ENDPOINT: &str = "SELECT workspace_id, url, sealed FROM crier.get_alert_endpoint($1)";
const NEW_ID: &str = "SELECT crier.new_id()";
const CHECKPOINT_QUEUE: &str = "SELECT crier.checkpoint_queue()";
const RUN_MAINTENANCE: &str = "SELECT task, did, error FROM crier.run_maintenance('crierd', p_most => 1)";
const STATUS: &str =
    "SELECT paused, reason, library_version, schema_version, schema_current FROM crier.status()";
const MIGRATE: &str = "SELECT name, action FROM crier.migrate()";
const SERVER: &str = "SELECT pg_catalog.current_setting('server_version'), \
     pg_catalog.current_setting('server_version_num')::int, current_user::text, pg_catalog.clock_timestamp()";
const VERSION: &str = "SELECT crier.version()";
const MAY_CLAIM: &str = "SELECT pg_catalog.has_function_privilege(\
     'crier.claim_jobs(text,integer,text[],text[],uuid[],interval,interval)', 'EXECUTE')";

/// What a person wants to know about the server.
#[derive(Debug)]
pub(crate) struct Server {
    /// As it calls itself, for instance `15.20`.
    pub(crate) version: String,
    /// For comparisons, for instance 150020.
    pub(crate) version_num: i32,
    /// The role of this connection.
    pub(crate) role: String,
    /// Its clock.
    pub(crate) now: SystemTime,
}

/// A task of the maintenance that was run.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) name: String,
    /// What it says that it did: an object, or null after an error.
    pub(crate) did: Value,
    pub(crate) error: Option<String>,
}

/// The queue.
impl Db {
    /// Takes up to `max` due jobs of these kinds under a lease. With platforms: only jobs for these, none without one.
    pub async fn claim_jobs(
        &self,
        worker: &str,
        max: usize,
        kinds: &[&str],
        platforms: Option<&[&str]>,
        lease: Duration,
    ) -> Result<Vec<Claim>, Error> {
        let max = i32::try_from(max).unwrap_or(i32::MAX);
        let params: &[pool::Param<'_>] = &[
            (&worker, Type::TEXT),
            (&max, Type::INT4),
            (&kinds, Type::TEXT_ARRAY),
            (&platforms, Type::TEXT_ARRAY),
            (&lease.as_secs_f64(), Type::FLOAT8),
        ];
        all(self.rows(CLAIM_JOBS, params).await?)
    }

    /// How long until the next waiting job of these kinds is due; nothing if none waits, or one is overdue.
    pub async fn next_run(&self, kinds: &[&str]) -> Result<Option<Duration>, Error> {
        let seconds: Option<f64> = first(&self.one(NEXT_RUN, &[(&kinds, Type::TEXT_ARRAY)]).await?)?;
        Ok(seconds
            .filter(|seconds| *seconds > 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }

    /// Ends jobs well; returns those whose token was current.
    pub async fn complete_jobs(&self, ids: &[Uuid], tokens: &[i64]) -> Result<Vec<Uuid>, Error> {
        let rows = self.rows(COMPLETE_JOBS, &[(&ids, Type::UUID_ARRAY), (&tokens, Type::INT8_ARRAY)]).await?;
        rows.iter().map(first).collect()
    }

    /// Gives jobs back, each to run after its pause; uses up no attempt.
    pub async fn snooze_jobs(&self, ids: &[Uuid], tokens: &[i64], pauses: &[Duration]) -> Result<(), Error> {
        let pauses: Vec<f64> = pauses.iter().map(Duration::as_secs_f64).collect();
        let params: &[pool::Param<'_>] =
            &[(&ids, Type::UUID_ARRAY), (&tokens, Type::INT8_ARRAY), (&pauses, Type::FLOAT8_ARRAY)];
        self.rows(SNOOZE_JOBS, params).await.map(drop)
    }

    /// Extends leases; returns the jobs that are still this worker's.
    pub async fn extend_jobs(
        &self,
        ids: &[Uuid],
        tokens: &[i64],
        lease: Duration,
    ) -> Result<Vec<Uuid>, Error> {
        let lease = lease.as_secs_f64();
        let params: &[pool::Param<'_>] =
            &[(&ids, Type::UUID_ARRAY), (&tokens, Type::INT8_ARRAY), (&lease, Type::FLOAT8)];
        self.rows(EXTEND_JOBS, params).await?.iter().map(first).collect()
    }
}

/// Publishing.
impl Db {
    /// Begins a try; `None` if the lease is lost.
    pub async fn start_target(&self, job_id: Uuid, token: i64) -> Result<Option<Target>, Error> {
        let params: &[pool::Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
        self.optional(START_TARGET, params).await?.map(Target::try_from).transpose()
    }

    /// Keeps what was prepared for later tries; `false` if the lease is lost.
    pub async fn save_prepared(&self, job_id: Uuid, token: i64, prepared: &Value) -> Result<bool, Error> {
        let params: &[pool::Param<'_>] =
            &[(&job_id, Type::UUID), (&token, Type::INT8), (prepared, Type::JSONB)];
        first(&self.one(SAVE_PREPARED, params).await?)
    }

    /// Records that this is about to be sent. What comes back is what has to be sent: the first record wins.
    /// `None` if the lease is lost or the post was canceled: then nothing may be sent.
    pub async fn record_intent(
        &self,
        job_id: Uuid,
        token: i64,
        draft: &Frozen,
        lease: Duration,
    ) -> Result<Option<Frozen>, Error> {
        let params: &[pool::Param<'_>] = &[
            (&job_id, Type::UUID),
            (&token, Type::INT8),
            (&draft.key, Type::TEXT),
            (&draft.request, Type::TEXT),
            (&lease.as_secs_f64(), Type::FLOAT8),
        ];
        let row = self.optional(RECORD_INTENT, params).await?;
        row.map(|row| {
            let text = |at: usize| row.try_get(at).map_err(contract);
            Ok(Frozen { key: text(0)?, request: text(1)? })
        })
        .transpose()
    }

    /// Forgets what was to be sent: certainly nothing of it was published. `false` if the lease is lost.
    pub async fn withdraw_intent(&self, job_id: Uuid, token: i64) -> Result<bool, Error> {
        let params: &[pool::Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
        first(&self.one(WITHDRAW_INTENT, params).await?)
    }

    /// Which of these posts are other targets' of the job's account, and how many seconds ago each was sent last.
    pub async fn taken_posts(
        &self,
        job_id: Uuid,
        external_ids: &[String],
    ) -> Result<Vec<(String, Option<f64>)>, Error> {
        let params: &[pool::Param<'_>] = &[(&job_id, Type::UUID), (&external_ids, Type::TEXT_ARRAY)];
        let rows = self.rows(TAKEN_POSTS, params).await?;
        let taken = |row: &Row| Ok((row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?));
        rows.iter().map(taken).collect()
    }

    /// Reports outcomes, which ends or reschedules the jobs; returns those whose token was current.
    pub async fn report_targets(&self, reports: &[Report]) -> Result<Vec<Reported>, Error> {
        let ids: Vec<Uuid> = reports.iter().map(|report| report.job_id).collect();
        let tokens: Vec<i64> = reports.iter().map(|report| report.token).collect();
        let outcomes: Vec<&str> = reports.iter().map(|report| report.outcome).collect();
        let details: Vec<&Value> = reports.iter().map(|report| &report.details).collect();
        let retries: Vec<Option<SystemTime>> = reports.iter().map(|report| report.retry_at).collect();
        let params: &[pool::Param<'_>] = &[
            (&ids, Type::UUID_ARRAY),
            (&tokens, Type::INT8_ARRAY),
            (&outcomes, Type::TEXT_ARRAY),
            (&details, Type::JSONB_ARRAY),
            (&retries, Type::TIMESTAMPTZ_ARRAY),
        ];
        all(self.rows(REPORT_TARGETS, params).await?)
    }
}

/// What accounts do besides publishing.
impl Db {
    /// Begins a try; `None` if the lease is lost or there is nothing to do any more.
    pub(crate) async fn start_action(&self, job_id: Uuid, token: i64) -> Result<Option<Action>, Error> {
        let params: &[pool::Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
        self.optional(START_ACTION, params).await?.map(Action::try_from).transpose()
    }

    /// Records that a message is about to be sent; `false` if the lease is lost or it was canceled: then it must not be.
    pub async fn record_sending(&self, job_id: Uuid, token: i64, lease: Duration) -> Result<bool, Error> {
        let lease = lease.as_secs_f64();
        let params: &[pool::Param<'_>] =
            &[(&job_id, Type::UUID), (&token, Type::INT8), (&lease, Type::FLOAT8)];
        first(&self.one(RECORD_SENDING, params).await?)
    }

    /// Says how an action came out, which ends or reschedules its job. The state of the action then; `None` if the lease is
    /// lost.
    pub(crate) async fn report_action(
        &self,
        job_id: Uuid,
        token: i64,
        outcome: &Outcome,
    ) -> Result<Option<String>, Error> {
        self.outcome(REPORT_ACTION, job_id, token, outcome).await
    }

    /// Which post is to be read; `None` if the lease is lost or there is nothing to read any more.
    pub(crate) async fn start_reading(&self, job_id: Uuid, token: i64) -> Result<Option<Reading>, Error> {
        let params: &[pool::Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
        self.optional(START_READING, params).await?.map(Reading::try_from).transpose()
    }

    /// Says what was read, or why not. The state of the job then; `None` if the lease is lost.
    pub(crate) async fn report_metrics(
        &self,
        job_id: Uuid,
        token: i64,
        outcome: &Outcome,
    ) -> Result<Option<String>, Error> {
        self.outcome(REPORT_METRICS, job_id, token, outcome).await
    }

    async fn outcome(
        &self,
        statement: &'static str,
        job_id: Uuid,
        token: i64,
        outcome: &Outcome,
    ) -> Result<Option<String>, Error> {
        let params: &[pool::Param<'_>] = &[
            (&job_id, Type::UUID),
            (&token, Type::INT8),
            (&outcome.outcome, Type::TEXT),
            (&outcome.details, Type::JSONB),
            (&outcome.retry_at, Type::TIMESTAMPTZ),
        ];
        first(&self.one(statement, params).await?)
    }
}

/// Accounts and their credentials.
impl Db {
    /// Makes or finds the account; returns its id and the generation to seal the credential for.
    pub async fn connect_account(
        &self,
        workspace_id: Uuid,
        platform: &str,
        external_id: &str,
        handle: &str,
        base_url: &str,
    ) -> Result<(Uuid, i64), Error> {
        let params: &[pool::Param<'_>] = &[
            (&workspace_id, Type::UUID),
            (&platform, Type::TEXT),
            (&external_id, Type::TEXT),
            (&handle, Type::TEXT),
            (&base_url, Type::TEXT),
        ];
        let row = self.one(CONNECT_ACCOUNT, params).await?;
        Ok((row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?))
    }

    /// Stores a sealed credential if it is the next generation; `false` if there is a newer one. An end that can't
    /// be true is none: the platform's word for it must not cost the tokens.
    pub async fn store_credential(
        &self,
        account_id: Uuid,
        generation: i64,
        sealed: &[u8],
        expires_at: Option<SystemTime>,
        refresh_expires_at: Option<SystemTime>,
    ) -> Result<bool, Error> {
        let now = SystemTime::now();
        let (expires_at, refresh_expires_at) =
            (plausible(expires_at, now), plausible(refresh_expires_at, now));
        let params: &[pool::Param<'_>] = &[
            (&account_id, Type::UUID),
            (&generation, Type::INT8),
            (&sealed, Type::BYTEA),
            (&expires_at, Type::TIMESTAMPTZ),
            (&refresh_expires_at, Type::TIMESTAMPTZ),
        ];
        first(&self.one(STORE_CREDENTIAL, params).await?)
    }

    /// The stored credential of an account.
    pub async fn get_credential(&self, account_id: Uuid) -> Result<Option<StoredCredential>, Error> {
        match self.optional(GET_CREDENTIAL, &[(&account_id, Type::UUID)]).await {
            Err(Error::Sql { state, .. }) if state == NO_DATA_FOUND => Ok(None),
            row => row?.map(StoredCredential::try_from).transpose(),
        }
    }

    /// Asks to be the one who refreshes; returns a token for it, `None` if somebody else does or has.
    pub async fn begin_refresh(
        &self,
        account_id: Uuid,
        generation: i64,
        lease: Duration,
    ) -> Result<Option<i64>, Error> {
        let lease = lease.as_secs_f64();
        let params: &[pool::Param<'_>] =
            &[(&account_id, Type::UUID), (&generation, Type::INT8), (&lease, Type::FLOAT8)];
        first(&self.one(BEGIN_REFRESH, params).await?)
    }

    /// Ends a refresh that failed.
    pub async fn fail_refresh(
        &self,
        account_id: Uuid,
        generation: i64,
        token: i64,
        class: &str,
        error: &Value,
    ) -> Result<(), Error> {
        let params: &[pool::Param<'_>] = &[
            (&account_id, Type::UUID),
            (&generation, Type::INT8),
            (&token, Type::INT8),
            (&class, Type::TEXT),
            (error, Type::JSONB),
        ];
        self.rows(FAIL_REFRESH, params).await.map(drop)
    }
}

/// Alerts.
impl Db {
    /// What an alert says and where it goes; `None` if the lease is lost or there is nothing to deliver any more.
    pub(crate) async fn start_alert(&self, job_id: Uuid, token: i64) -> Result<Option<Alert>, Error> {
        let params: &[pool::Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
        self.optional(START_ALERT, params).await?.map(Alert::try_from).transpose()
    }

    /// Says how a delivery came out: `delivered` or an error class. The state of the job then; `None` if the lease is lost.
    pub async fn report_alert(
        &self,
        job_id: Uuid,
        token: i64,
        outcome: &str,
        error: Option<&Value>,
    ) -> Result<Option<String>, Error> {
        let params: &[pool::Param<'_>] =
            &[(&job_id, Type::UUID), (&token, Type::INT8), (&outcome, Type::TEXT), (&error, Type::JSONB)];
        first(&self.one(REPORT_ALERT, params).await?)
    }

    /// Adds an endpoint with its sealed secret.
    pub async fn add_alert_endpoint(
        &self,
        id: Uuid,
        url: &str,
        sealed: &[u8],
        workspace_id: Option<Uuid>,
        kinds: Option<&[String]>,
    ) -> Result<(), Error> {
        let params: &[pool::Param<'_>] = &[
            (&id, Type::UUID),
            (&url, Type::TEXT),
            (&sealed, Type::BYTEA),
            (&workspace_id, Type::UUID),
            (&kinds, Type::TEXT_ARRAY),
        ];
        self.rows(ADD_ALERT_ENDPOINT, params).await.map(drop)
    }

    /// The endpoints of a workspace, or all.
    pub async fn list_alert_endpoints(
        &self,
        workspace_id: Option<Uuid>,
    ) -> Result<Vec<AlertEndpoint>, Error> {
        all(self.rows(LIST_ALERT_ENDPOINTS, &[(&workspace_id, Type::UUID)]).await?)
    }

    /// Removes an endpoint.
    pub async fn remove_alert_endpoint(&self, id: Uuid) -> Result<(), Error> {
        self.rows(REMOVE_ALERT_ENDPOINT, &[(&id, Type::UUID)]).await.map(drop)
    }

    /// Where an endpoint is, and its sealed secret.
    pub(crate) async fn get_alert_endpoint(&self, id: Uuid) -> Result<Endpoint, Error> {
        let row = self.one(GET_ALERT_ENDPOINT, &[(&id, Type::UUID)]).await?;
        Ok(Endpoint {
            id,
            workspace_id: row.try_get(0).map_err(contract)?,
            url: row.try_get(1).map_err(contract)?,
            sealed: row.try_get(2).map_err(contract)?,
        })
    }

    /// A new id.
    pub async fn new_id(&self) -> Result<Uuid, Error> {
        first(&self.one(NEW_ID, &[]).await?)
    }
}

/// Operation.
impl Db {
    /// Has the database do one thing that is due, in a transaction of its own; what it did, or who does it instead.
    pub(crate) async fn run_maintenance(&self) -> Result<Option<Task>, Error> {
        let row = self.optional(RUN_MAINTENANCE, &[]).await?;
        row.map(|row| {
            let did: Option<Value> = row.try_get(1).map_err(contract)?;
            Ok(Task {
                name: row.try_get(0).map_err(contract)?,
                did: did.unwrap_or_default(),
                error: row.try_get(2).map_err(contract)?,
            })
        })
        .transpose()
    }

    /// Notes what a start of the database need not read again; returns the number of days.
    pub async fn checkpoint_queue(&self) -> Result<i32, Error> {
        let rows = self.rows_slowly(CHECKPOINT_QUEUE).await?;
        rows.first().map_or(Ok(0), first)
    }

    /// Whether work is handed out, and the versions.
    pub async fn status(&self) -> Result<Status, Error> {
        self.one(STATUS, &[]).await?.try_into()
    }

    /// Creates or upgrades the tables; returns what was done, name by name.
    pub async fn migrate(&self) -> Result<Vec<(String, String)>, Error> {
        let rows = self.rows_slowly(MIGRATE).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?)))
            .collect()
    }

    /// The server, its clock and the role of this connection.
    pub(crate) async fn server(&self) -> Result<Server, Error> {
        let row = self.one(SERVER, &[]).await?;
        Ok(Server {
            version: row.try_get(0).map_err(contract)?,
            version_num: row.try_get(1).map_err(contract)?,
            role: row.try_get(2).map_err(contract)?,
            now: row.try_get(3).map_err(contract)?,
        })
    }

    /// The version of the extension's functions.
    pub(crate) async fn version(&self) -> Result<String, Error> {
        first(&self.one(VERSION, &[]).await?)
    }

    /// Whether this role may take jobs.
    pub(crate) async fn may_claim(&self) -> Result<bool, Error> {
        first(&self.one(MAY_CLAIM, &[]).await?)
    }
}

/// The end of a token, unless it is more than a day ago or more than five years ahead.
fn plausible(end: Option<SystemTime>, now: SystemTime) -> Option<SystemTime> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    end.filter(|end| match end.duration_since(now) {
        Ok(ahead) => ahead <= DAY * (5 * 365),
        Err(ago) => ago.duration() <= DAY,
    })
}

fn all<T: TryFrom<Row, Error = Error>>(rows: Vec<Row>) -> Result<Vec<T>, Error> {
    rows.into_iter().map(T::try_from).collect()
}

fn first<T: for<'a> tokio_postgres::types::FromSql<'a>>(row: &Row) -> Result<T, Error> {
    row.try_get(0).map_err(contract)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_cannot_be_true_is_none() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let days = |days: u64| Duration::from_secs(days * 86_400);
        for end in [now, now + days(90), now + days(5 * 365), now - days(1)] {
            assert_eq!(plausible(Some(end), now), Some(end));
        }
        for end in [now + days(5 * 365 + 1), now + days(365_000_000), now - days(2), SystemTime::UNIX_EPOCH] {
            assert_eq!(plausible(Some(end), now), None);
        }
        assert_eq!(plausible(None, now), None);
    }
}

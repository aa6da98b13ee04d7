//! What accounts do besides publishing.

use std::time::Duration;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::{Db, Param};
use super::{Action, Outcome, Reading, first};
use crate::error::Error;

const START_ACTION: &str = "SELECT action_id, kind, subject, text, account_id, platform, external_id, handle, base_url, \
     account_status FROM crier.start_action($1, $2)";
const RECORD_SENDING: &str = "SELECT crier.record_sending($1, $2, pg_catalog.make_interval(secs => $3))";
const REPORT_ACTION: &str = "SELECT crier.report_action($1, $2, $3, $4, $5)";
const START_READING: &str = "SELECT post, account_id, platform, external_id, handle, base_url, account_status \
     FROM crier.start_reading($1, $2)";
const REPORT_METRICS: &str = "SELECT crier.report_metrics($1, $2, $3, $4, $5)";

impl Db {
    /// Begins a try; `None` if the lease is lost or there is nothing to do any more.
    pub(crate) async fn start_action(&self, job_id: Uuid, token: i64) -> Result<Option<Action>, Error> {
        let params: &[Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
        self.optional(START_ACTION, params).await?.map(Action::try_from).transpose()
    }

    /// Records that a message is about to be sent; `false` if the lease is lost or it was canceled: then it must not be.
    pub async fn record_sending(&self, job_id: Uuid, token: i64, lease: Duration) -> Result<bool, Error> {
        let lease = lease.as_secs_f64();
        let params: &[Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8), (&lease, Type::FLOAT8)];
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
        let params: &[Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
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
        let params: &[Param<'_>] = &[
            (&job_id, Type::UUID),
            (&token, Type::INT8),
            (&outcome.outcome, Type::TEXT),
            (&outcome.details, Type::JSONB),
            (&outcome.retry_at, Type::TIMESTAMPTZ),
        ];
        first(&self.one(statement, params).await?)
    }
}

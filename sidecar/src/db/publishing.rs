//! Publishing: what is asked and said about one target.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::{Db, Param};
use super::rows::contract;
use super::{Report, Reported, Target, all, first};
use crate::error::Error;
use crate::providers::Frozen;

const START_TARGET: &str = "SELECT target_id, post_id, account_id, platform, state, content, media, settings, prepared, \
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

impl Db {
    /// Begins a try; `None` if the lease is lost.
    pub async fn start_target(&self, job_id: Uuid, token: i64) -> Result<Option<Target>, Error> {
        let params: &[Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
        self.optional(START_TARGET, params).await?.map(Target::try_from).transpose()
    }

    /// Keeps what was prepared for later tries; `false` if the lease is lost.
    pub async fn save_prepared(&self, job_id: Uuid, token: i64, prepared: &Value) -> Result<bool, Error> {
        let params: &[Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8), (prepared, Type::JSONB)];
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
        let params: &[Param<'_>] = &[
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
        let params: &[Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
        first(&self.one(WITHDRAW_INTENT, params).await?)
    }

    /// Which of these posts are other targets' of the job's account, and how many seconds ago each was sent last.
    pub async fn taken_posts(
        &self,
        job_id: Uuid,
        external_ids: &[String],
    ) -> Result<Vec<(String, Option<f64>)>, Error> {
        let params: &[Param<'_>] = &[(&job_id, Type::UUID), (&external_ids, Type::TEXT_ARRAY)];
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
        let params: &[Param<'_>] = &[
            (&ids, Type::UUID_ARRAY),
            (&tokens, Type::INT8_ARRAY),
            (&outcomes, Type::TEXT_ARRAY),
            (&details, Type::JSONB_ARRAY),
            (&retries, Type::TIMESTAMPTZ_ARRAY),
        ];
        all(self.rows(REPORT_TARGETS, params).await?)
    }
}

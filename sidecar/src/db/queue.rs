//! The queue: claims, leases, answers.

use std::time::Duration;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::{Db, Param};
use super::{Claim, all, first};
use crate::error::Error;

const CLAIM_JOBS: &str = "SELECT job_id, token, attempt, kind, account_id, \
     extract(epoch FROM pg_catalog.clock_timestamp() - run_at)::float8 AS waited FROM crier.claim_jobs(\
     worker => $1, max => $2, kinds => $3, platforms => $4, lease => pg_catalog.make_interval(secs => $5))";
const NEXT_RUN: &str =
    "SELECT EXTRACT(EPOCH FROM crier.next_run_at($1) - pg_catalog.clock_timestamp())::float8";
const COMPLETE_JOBS: &str = "SELECT crier.complete_jobs($1, $2)";
const SNOOZE_JOBS: &str = "SELECT job_id FROM crier.snooze_jobs($1, $2, ARRAY(\
     SELECT pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => pause) \
     FROM pg_catalog.unnest($3) WITH ORDINALITY AS given (pause, place) ORDER BY place))";
const EXTEND_JOBS: &str =
    "SELECT job_id FROM crier.extend_jobs($1, $2, pg_catalog.make_interval(secs => $3))";

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
        let params: &[Param<'_>] = &[
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
        let params: &[Param<'_>] =
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
        let params: &[Param<'_>] =
            &[(&ids, Type::UUID_ARRAY), (&tokens, Type::INT8_ARRAY), (&lease, Type::FLOAT8)];
        self.rows(EXTEND_JOBS, params).await?.iter().map(first).collect()
    }
}

//! What operators see of the whole installation, and what they do about it.

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::first;
use super::pool::Db;
use crate::error::Error;

/// So many things that hold something up are asked for.
pub(crate) const MOST_BLOCKS: i32 = 50;
/// One answer, so that its figures are of one moment.
const INSTALLATION: &str = "SELECT pg_catalog.jsonb_build_object( \
     'status', (SELECT pg_catalog.to_jsonb(s) FROM crier.status() AS s), \
     'queue', (SELECT pg_catalog.to_jsonb(q) || pg_catalog.jsonb_build_object('oldest_due_seconds', \
                   pg_catalog.date_part('epoch', q.oldest_due_age)) FROM crier.get_queue_stats() AS q), \
     'alerts', (SELECT coalesce(pg_catalog.jsonb_agg(a), '[]') FROM crier.alerts() AS a), \
     'backlog', (SELECT coalesce(pg_catalog.jsonb_agg(u ORDER BY u.kind, u.platform), '[]') FROM crier.unfinished_jobs() AS u), \
     'kinds', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object( \
                   'kind', k.kind, 'completed', k.completed, 'failed', k.failed, 'error_rate', k.error_rate, \
                   'waiting_p50', pg_catalog.date_part('epoch', k.waiting_p50), \
                   'waiting_p95', pg_catalog.date_part('epoch', k.waiting_p95), \
                   'processing_p50', pg_catalog.date_part('epoch', k.processing_p50), \
                   'processing_p95', pg_catalog.date_part('epoch', k.processing_p95)) ORDER BY k.kind NULLS FIRST), '[]') \
               FROM crier.get_job_queue_stats('1 hour') AS k WHERE k.completed + k.failed > 0), \
     'platforms', (SELECT coalesce(pg_catalog.jsonb_agg(p ORDER BY p.platform), '[]') FROM crier.platform_rates('1 day') AS p), \
     'workers', (SELECT coalesce(pg_catalog.jsonb_agg(w ORDER BY w.worker), '[]') FROM crier.get_worker_stats() AS w), \
     'blocks', (SELECT coalesce(pg_catalog.jsonb_agg(b), '[]') FROM crier.list_blocks($1) AS b), \
     'dead', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(d) - 'params'), '[]') FROM crier.dead_jobs(max => 20) AS d))";
const UNBLOCK_ACCOUNT: &str = "SELECT crier.unblock_account($1, $2)";
const UNBLOCK_SERVER: &str = "SELECT crier.unblock_server($1, $2)";
const RETRY: &str = "SELECT EXISTS (SELECT FROM crier.retry_jobs(ARRAY[$1::uuid]))";
const PURGE: &str = "SELECT EXISTS (SELECT FROM crier.purge_jobs(ARRAY[$1::uuid]))";
const PAUSE: &str = "SELECT crier.pause_jobs(reason => 'paused by an operator')";
const RESUME: &str =
    "SELECT crier.resume_jobs(kind => $1, platform => $2, account_id => $3, workspace_id => $4)";

/// What an operator does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Lifts the block of an account, or of an action of it, and closes its breaker.
    UnblockAccount(Uuid, Option<String>),
    /// The same for a server of a platform.
    UnblockServer(String, String),
    /// Runs a dead letter again.
    Retry(Uuid),
    /// Deletes one.
    Purge(Uuid),
    /// Hands out nothing any more.
    Pause,
    /// Hands out again what was paused: everything, where nothing is named.
    Resume(Scope),
}

/// What a pause is about: one of them, or everything.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) kind: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) account: Option<Uuid>,
    pub(crate) workspace: Option<Uuid>,
}

impl Db {
    /// Everything that an operator looks at.
    pub(crate) async fn installation(&self) -> Result<Value, Error> {
        first(&self.one(INSTALLATION, &[(&MOST_BLOCKS, Type::INT4)]).await?)
    }

    /// Does what an operator asks for. False: nothing was paused, or no such job was dead, or there was no block; a breaker is closed
    /// all the same.
    pub(crate) async fn remedy(&self, remedy: &Remedy) -> Result<bool, Error> {
        let row = match remedy {
            Remedy::UnblockAccount(account, action) => {
                self.one(UNBLOCK_ACCOUNT, &[(account, Type::UUID), (action, Type::TEXT)]).await
            }
            Remedy::UnblockServer(platform, host) => {
                self.one(UNBLOCK_SERVER, &[(platform, Type::TEXT), (host, Type::TEXT)]).await
            }
            Remedy::Retry(job) => self.one(RETRY, &[(job, Type::UUID)]).await,
            Remedy::Purge(job) => self.one(PURGE, &[(job, Type::UUID)]).await,
            Remedy::Pause => self.one(PAUSE, &[]).await,
            Remedy::Resume(Scope { kind, platform, account, workspace }) => {
                let scope = [
                    (kind as _, Type::TEXT),
                    (platform as _, Type::TEXT),
                    (account as _, Type::UUID),
                    (workspace as _, Type::UUID),
                ];
                self.one(RESUME, &scope).await
            }
        };
        first(&row?)
    }
}

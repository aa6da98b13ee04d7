//! Crier as one of the queues. What a library does not have yet is left out.

use super::client::{Adding, Form, System, Taking};
use crate::session::Session;

/// Functions that are not in every version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Abilities {
    /// `claim_jobs` waits for work.
    pub(super) wait: bool,
    pub(super) exchange: bool,
    pub(super) find_or_create: bool,
    pub(super) cached_result: bool,
    pub(super) cleanup: bool,
    pub(super) statistics: bool,
}

const ABILITIES: &str = "
    SELECT to_regprocedure('crier.claim_jobs(text,integer,text[],text[],uuid[],interval,interval)') IS NOT NULL,
           to_regprocedure('crier.exchange(text,integer,uuid[],bigint[],jsonb[],uuid[],bigint[],text[],jsonb[],\
                            timestamptz[],text[],text[],uuid[],interval,interval)') IS NOT NULL,
           to_regprocedure('crier.find_or_create_job(uuid,text,jsonb,interval)') IS NOT NULL,
           to_regprocedure('crier.get_cached_job_result(uuid,text,jsonb,interval)') IS NOT NULL,
           to_regprocedure('crier.cleanup_finished_jobs(integer,integer,interval,integer)') IS NOT NULL,
           to_regprocedure('crier.get_queue_stats()') IS NOT NULL";

const ENQUEUE: &str = "SELECT crier.enqueue('bench', $1)";
const ENQUEUE_MANY: &str = "SELECT crier.enqueue_many($1)";
const CLAIM: &str = "SELECT job_id, params, token FROM crier.claim_jobs('bench', $1)";
const CLAIM_OR_WAIT: &str =
    "SELECT job_id, params, token FROM crier.claim_jobs('bench', $1, wait => '1 second')";
const COMPLETE: &str = "SELECT crier.complete_jobs($1, $2)";
const EXCHANGE: &str = "SELECT job_id, params, token FROM crier.exchange('bench', $1, $2, $3)";

impl Abilities {
    pub(super) async fn ask(sql: &Session) -> Self {
        let row = sql.row(ABILITIES, &[]).await;
        Self {
            wait: row.get(0),
            exchange: row.get(1),
            find_or_create: row.get(2),
            cached_result: row.get(3),
            cleanup: row.get(4),
            statistics: row.get(5),
        }
    }
}

pub(super) fn system(abilities: &Abilities) -> System {
    System {
        name: "crier",
        schema: "crier",
        adding: Adding { one: ENQUEUE, many: ENQUEUE_MANY, form: Form::CrierJobs },
        taking: Taking {
            claim: CLAIM,
            claim_or_wait: abilities.wait.then_some(CLAIM_OR_WAIT),
            finish: COMPLETE,
            exchange: abilities.exchange.then_some(EXCHANGE),
            fenced: true,
        },
        empty: None,
    }
}

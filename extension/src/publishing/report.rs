//! `crier.report_targets`.

use crier_core::error_class::ErrorClass;
use crier_core::target::TargetState;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::durable;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, JsonbArray, Timestamptz};
use crate::publishing::follow::{self, Next};
use crate::publishing::taken;
use crate::queue::fail::{parse_class, retry_times};
use crate::queue::held;
use crate::queue::kinds::Policies;
use crate::queue::settle::{self, Fate, Said, Settled};

/// What a worker says of a target.
#[derive(Clone, Copy)]
enum Outcome {
    Published,
    Failed(ErrorClass),
}

/// Says how targets came out: `published`, or the class of an error. Ends or reschedules their jobs too.
/// Answers with the jobs whose token was the current one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn report_targets(
    job_ids: Option<Vec<Option<Uuid>>>,
    tokens: Option<Vec<Option<i64>>>,
    outcomes: Option<Vec<Option<String>>>,
    details: Option<JsonbArray>,
    retry_at: default!(Option<Vec<Option<Timestamptz>>>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(job_id, Uuid),
            name!(target_state, &'static str),
            name!(job_status, &'static str),
            name!(run_at, Option<Timestamptz>),
        ),
    >,
    ErrorReport,
> {
    let (ids, tokens) = input::leases(job_ids, tokens)?;
    let outcomes = outcomes_of(outcomes, ids.len())?;
    let details = input::required(details, "details")?.elements("details", ids.len())?;
    let now = clock::now();
    let retry_at = retry_times(retry_at, ids.len(), now)?;
    let held = held::by_lease(&ids, &tokens)?;
    let policies = Policies::of(held.iter().map(|job| job.kind.as_str()))?;
    let before = follow::lock(held.iter().map(|job| job.id).collect())?;
    let published: Vec<_> = held
        .iter()
        .filter(|job| matches!(outcomes[job.place], Outcome::Published))
        .filter(|job| before.get(&job.id).is_some_and(|target| !target.state.is_final()))
        .map(|job| (job.id, details[job.place]))
        .collect();
    let refused = taken::refused(&published)?;
    let (mut settled, mut next, mut rows) = (vec![], vec![], vec![]);
    for job in held {
        // A job without a target is no publish job: it is left to the general functions.
        let Some(target) = before.get(&job.id).copied() else { continue };
        let state = target.counts();
        let (outcome, detail) = match refused.get(&job.id) {
            Some(why) => (Outcome::Failed(ErrorClass::OutcomeUnknown), Some(why.error())),
            None => (outcomes[job.place], details[job.place]),
        };
        let mut unclear = false;
        let (fate, state, error) = match outcome {
            // A final state stays: whatever is said about it now, it was settled before.
            Outcome::Published if state.is_final() => (Fate::Completed, state, None),
            Outcome::Published => (Fate::Completed, TargetState::Published, None),
            Outcome::Failed(class) => {
                unclear = class == ErrorClass::OutcomeUnknown || says_may_be_out(detail);
                let may_be_out = unclear || state == TargetState::Unknown;
                let fate = if unclear && is_unknowable(detail) {
                    Fate::Failed
                } else {
                    job.after_error(class, retry_at[job.place], may_be_out, &policies, now)
                };
                let error = detail.map(|detail| detail.with_class(class));
                let after = state.after_error(unclear, fate.run_at().is_some());
                // A refusal tells about its own send only.
                (fate, after.in_doubt(target.was_unclear), error)
            }
        };
        let said = match outcomes[job.place] {
            // Also where that is refused: the platform works.
            Outcome::Published => Said::Done,
            Outcome::Failed(class) if unclear => Said::Unclear(class),
            Outcome::Failed(class) => Said::Failed(class),
        };
        let published = state == TargetState::Published;
        rows.push((job.id, state.as_str(), fate.state(), fate.run_at()));
        next.push(Next { job_id: job.id, state, detail: if published { detail } else { error } });
        let result = if published { detail } else { None };
        settled.push(Settled { job, said, fate, result, error });
    }
    durable::require_commit()?;
    follow::set(&next, now)?;
    settle::settle_jobs(settled, now)?;
    Ok(TableIterator::new(rows))
}

/// Whether a worker says that something was sent before the error which may be out: the error is of a look for it. Then the
/// class only says when to look again.
fn says_may_be_out(detail: Option<Jsonb>) -> bool {
    detail.is_some_and(|detail| detail.is_true("may_be_out"))
}

/// Whether a worker says that no look will ever tell: then a person is asked at once.
fn is_unknowable(detail: Option<Jsonb>) -> bool {
    detail.is_some_and(|detail| detail.is_true("unknowable"))
}

fn outcomes_of(outcomes: Option<Vec<Option<String>>>, expected: usize) -> Result<Vec<Outcome>> {
    let outcomes = input::elements(outcomes, "outcomes")?;
    input::same_length(("job_ids", expected), ("outcomes", outcomes.len()))?;
    let read = |outcome: &String| match outcome.as_str() {
        "published" => Ok(Outcome::Published),
        class => parse_class(class).map(Outcome::Failed),
    };
    outcomes.iter().map(read).collect()
}

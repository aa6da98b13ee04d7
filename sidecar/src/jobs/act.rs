//! Does what an account does besides publishing: likes, follows, messages, and taking posts back. All but messages may be
//! done twice and are done once. A message is written down as being sent before it is: what is not clear after that is never
//! sent again by itself.

use std::time::Duration;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde_json::json;
use tracing::{info, warn};

use super::session::{AccountSession, ends_session};
use super::{Environment, Job, Verdict, Work, intent};
use crate::address::Origin;
use crate::db::{Action, Outcome, patiently};
use crate::error::Error;
use crate::providers::{self, Done, Failure, Provider};
use crate::spans;

/// How long the database may be away before the try is given up; the lease decides then.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may be away while what was done waits to be told: the lease is kept up, and nobody else could know.
const REPORT_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// The jobs of one kind.
pub(super) struct Act(pub(super) &'static str);

/// Why a try ends.
enum Stop {
    Failed(Failure),
    /// The lease is lost, or it was canceled: nothing may be sent.
    Lost,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

#[async_trait]
impl Job for Act {
    fn kind(&self) -> &'static str {
        self.0
    }

    fn has_target(&self) -> bool {
        false
    }

    fn has_platform(&self) -> bool {
        true
    }

    async fn run(&self, environment: &Environment, work: &Work) -> Verdict {
        perform(environment, work).await.unwrap_or_else(|error| {
            warn!(%error, "an action could not be started or reported; its lease will run out");
            Verdict::Dropped
        })
    }
}

async fn perform(environment: &Environment, work: &Work) -> Result<Verdict, Error> {
    let (job_id, token) = (work.claim.job_id, work.claim.token);
    let started = patiently(PATIENCE, || environment.db.start_action(job_id, token)).await?;
    let Some(action) = started else { return Ok(Verdict::Dropped) };
    let actor = &action.actor;
    spans::acts_on(&actor.platform);
    info!(
        action_id = %action.id, server = %Origin(&actor.account.base_url), "acting"
    );
    let done = match done(environment, work, &action).await {
        Err(Stop::Lost) => return Ok(Verdict::Dropped),
        Err(Stop::Failed(failure)) => Err(failure),
        Ok(done) => Ok(done),
    };
    let mut outcome = outcome(&done);
    actor.account.charges.state_in(&mut outcome.details);
    let report = || environment.db.report_action(job_id, token, &outcome);
    let state = patiently(REPORT_PATIENCE, report).await?;
    match (&state, &done) {
        (Some(state), Ok(_)) => info!(action_id = %action.id, state, "done"),
        (Some(state), Err(failure)) => warn!(
            action_id = %action.id, class = %failure.class, status = failure.status, code = failure.code,
            reason = failure.message, state, "not done"
        ),
        (None, _) => {}
    }
    spans::came_out(outcome.outcome);
    Ok(if state.is_some() { Verdict::Reported } else { Verdict::Dropped })
}

async fn done(environment: &Environment, work: &Work, action: &Action) -> Result<Done, Stop> {
    let act = act_of(action)?;
    // Until here nothing is visible outside, so a lost lease may stop it.
    let (provider, session) = tokio::select! {
        opened = AccountSession::open(environment, &action.actor) => opened?,
        () = work.lost.cancelled() => return Err(Stop::Lost),
    };
    // What was given back must not be done as well; what is being done is finished.
    if !work.phase.commit() {
        return Err(Stop::Lost);
    }
    if let providers::Act::DirectMessage { .. } = act {
        return send(environment, work, provider.as_ref(), &session, &act).await;
    }
    let (provider, act) = (&provider, &act);
    Ok(session.as_caller(|caller| async move { provider.act(&caller, act).await }).await?)
}

/// Sends a message. Each of its sends is written down before: that proves that the job is still ours, too.
async fn send(
    environment: &Environment,
    work: &Work,
    provider: &dyn Provider,
    session: &AccountSession<'_>,
    act: &providers::Act,
) -> Result<Done, Stop> {
    let held = session.held().await?;
    let generation = held.generation;
    record_sending(environment, work).await?;
    match provider.act(&session.caller(held), act).await {
        // A session that has ended sends nothing: it is renewed, and that is repeated once.
        Err(failure) if ends_session(&failure) => {
            let held = session.renewed(generation).await?;
            record_sending(environment, work).await?;
            Ok(provider.act(&session.caller(held), act).await?)
        }
        sent => Ok(sent?),
    }
}

/// From here on the addressee may have the message.
async fn record_sending(environment: &Environment, work: &Work) -> Result<(), Stop> {
    let (job_id, token) = (work.claim.job_id, work.claim.token);
    let record =
        |lease| async move { Ok(environment.db.record_sending(job_id, token, lease).await?.then_some(())) };
    match intent::recorded(record).await {
        Ok(recorded) => recorded.ok_or(Stop::Lost),
        // A database that is away can't be told anything: the lease runs out.
        Err(error) if error.is_passing() => Err(Stop::Lost),
        Err(error) => {
            let message = format!("the database refused: {error}");
            Err(Failure::new(ErrorClass::Transient, message).into())
        }
    }
}

/// What is to be done, in the words of providers.
fn act_of(action: &Action) -> Result<providers::Act, Failure> {
    let (key, subject) = (action.id, action.subject.clone());
    Ok(match (action.kind.as_str(), &action.text) {
        ("like", _) => providers::Act::Like { post: subject, key },
        ("follow", _) => providers::Act::Follow { account: subject, key },
        ("delete_post", _) => providers::Act::Delete { post: subject },
        ("send_dm", Some(text)) => {
            providers::Act::DirectMessage { account: subject, text: text.clone(), key }
        }
        (kind, _) => {
            let message = format!("this crierd does not know how to do {kind}");
            return Err(Failure::new(ErrorClass::Unsupported, message));
        }
    })
}

fn outcome(done: &Result<Done, Failure>) -> Outcome {
    match done {
        Ok(Done { external_id, url }) => Outcome {
            outcome: "done",
            details: json!({ "external_id": external_id, "url": url }),
            retry_at: None,
        },
        Err(failure) => Outcome::of(failure),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::db::Actor;
    use crate::providers::Account;

    fn action(kind: &str, text: Option<&str>) -> Action {
        Action {
            id: Uuid::from_u128(7),
            kind: kind.into(),
            subject: "s".into(),
            text: text.map(str::to_owned),
            actor: Actor {
                platform: "x".into(),
                account: Account {
                    id: Uuid::nil(),
                    external_id: "1".into(),
                    handle: "a".into(),
                    base_url: "https://x.example".into(),
                    charges: Default::default(),
                },
                status: "active".into(),
            },
        }
    }

    #[test]
    fn every_kind_that_is_claimed_is_done() {
        for kind in super::super::Jobs::new().kinds(|job| job.has_platform() && !job.has_target()) {
            let known = act_of(&action(kind, Some("text"))).is_ok();
            assert_eq!(known, kind != "read_metrics", "{kind}");
        }
        for odd in [action("send_dm", None), action("juggle", None)] {
            assert_eq!(act_of(&odd).unwrap_err().class, ErrorClass::Unsupported);
        }
    }

    #[test]
    fn a_message_has_the_key_of_its_action() {
        let message = act_of(&action("send_dm", Some("psst"))).unwrap();
        let key = Uuid::from_u128(7);
        assert_eq!(message, providers::Act::DirectMessage { account: "s".into(), text: "psst".into(), key });
    }
}

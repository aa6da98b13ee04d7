//! Publishes one target: *prepare → intent → commit → look*.
//!
//! The database holds what must survive: what was prepared, and before anything is sent the key and the
//! exact bytes of it. A try that finds these does not make new ones, and one that finds them in an unclear
//! state asks the platform first.

mod attempt;

use std::time::Duration;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::{self, MAX_EXTERNAL_ID, Platform};
use crier_core::target::TargetState;
use tracing::info;

use super::{Environment, Job, Verdict, Work, intent};
use crate::db::{Target, patiently};
use crate::error::Error;
use crate::providers::{Failure, Frozen, Post, Published};
use crate::spans::{self, Classed, Part};
use attempt::{Attempt, Ready};

/// How long the database may be away before the try is given up; the lease decides then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The job, by the name of its kind.
pub(super) struct PublishPost(&'static str);

impl PublishPost {
    /// What counts as a post.
    pub(super) const POST: Self = Self("publish_post");
    /// What counts as a comment.
    pub(super) const COMMENT: Self = Self("publish_comment");
}

/// Why a try ends without a post.
#[derive(Debug)]
enum Stop {
    Failed(Failure),
    /// The target needs nothing more.
    Done,
    /// The lease is lost, or the post was canceled.
    Lost,
}

impl Classed for Stop {
    fn class(&self) -> Option<&'static str> {
        match self {
            Self::Failed(failure) => failure.class(),
            Self::Done => None,
            Self::Lost => Some("lost"),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Stop {
    /// A database that is away can't be told anything: the lease runs out and the next try starts clean.
    fn from(error: Error) -> Self {
        if error.is_passing() {
            return Self::Lost;
        }
        Self::Failed(Failure::new(ErrorClass::Transient, format!("the database refused: {error}")))
    }
}

#[async_trait]
impl Job for PublishPost {
    fn kind(&self) -> &'static str {
        self.0
    }

    fn has_target(&self) -> bool {
        true
    }

    async fn run(&self, environment: &Environment, work: &Work) -> Verdict {
        match publish(environment, work).await.and_then(nameable) {
            Ok(published) => Verdict::Published(published),
            Err(Stop::Failed(failure)) => Verdict::Failed(failure),
            Err(Stop::Done) => Verdict::Done,
            Err(Stop::Lost) => Verdict::Dropped,
        }
    }
}

async fn publish(environment: &Environment, work: &Work) -> Result<Published, Stop> {
    let (job_id, token) = (work.claim.job_id, work.claim.token);
    let started = patiently(PATIENCE, || environment.db.start_target(job_id, token)).await?;
    let target = started.ok_or(Stop::Lost)?;
    spans::publishes(&target);
    let unclear = is_unclear(&target)?;
    let attempt = Attempt::new(environment, work, target, unclear)?;
    // Until here nothing is visible outside, so a lost lease may stop it anywhere.
    let ready = tokio::select! {
        ready = attempt.ready() => ready?,
        () = work.lost.cancelled() => return Err(Stop::Lost),
    };
    let draft = match ready {
        Ready::Published(published) => {
            attempt.complete(&published).await;
            return Ok(published);
        }
        Ready::ToSend(draft) => draft,
    };
    // Before the intent is recorded, so that a loss between the two lets it finish. A drain that was faster
    // gives the job back: then there must be no intent.
    if !work.phase.commit() {
        return Err(Stop::Lost);
    }
    let frozen = record_intent(environment, work, &draft).await?;
    match attempt.send(&frozen, || async { record_intent(environment, work, &frozen).await.map(drop) }).await
    {
        Err(Stop::Failed(failure)) if failure.draft_again => Err(withdraw(environment, work, failure).await),
        Ok(published) => {
            attempt.complete(&published).await;
            Ok(published)
        }
        sent => sent,
    }
}

/// A post whose name is too long to be kept could neither be told from another nor taken back: a person says where it is.
fn nameable(published: Published) -> Result<Published, Stop> {
    let found = published.external_id.chars().count();
    if found <= MAX_EXTERNAL_ID {
        return Ok(published);
    }
    let message = format!(
        "the platform calls the post by a name of {found} characters, and at most {MAX_EXTERNAL_ID} are kept; it says that \
         it is at {}",
        published.url
    );
    Err(Failure::unknowable(&message).into())
}

/// Certainly nothing was published, and these bytes never can be: the next try prepares and drafts anew.
async fn withdraw(environment: &Environment, work: &Work, failure: Failure) -> Stop {
    let (job_id, token) = (work.claim.job_id, work.claim.token);
    match patiently(PATIENCE, || environment.db.withdraw_intent(job_id, token)).await {
        Ok(true) => Stop::Failed(Failure { class: ErrorClass::Transient, ..failure }),
        Ok(false) => Stop::Lost,
        Err(error) => error.into(),
    }
}

/// What is to be published. A later part of a thread answers an earlier one, and leaves out what only the first can have.
fn post_of(platform: &Platform, target: &Target) -> Result<Post, Failure> {
    let (settings, reply_to) = match &target.reply_to {
        Some(before) => (platform.later_settings(&target.settings), Some(before.clone())),
        None if target.part == 0 => {
            let answered = platform::reply_to(&target.settings).map(str::to_owned);
            (target.settings.clone(), answered)
        }
        None => {
            let why = "nobody knows the platform's name of the part that this one answers";
            return Err(Failure::new(ErrorClass::TargetMissing, why));
        }
    };
    Ok(Post {
        content: target.content.clone(),
        media: target.media.clone(),
        settings,
        attempt: target.attempt,
        reply_to,
    })
}

/// Whether an earlier try may have been published; stops where there is nothing to do.
fn is_unclear(target: &Target) -> Result<bool, Stop> {
    match target.state.parse() {
        // A refusal that came later tells nothing about a send before it.
        Ok(TargetState::Preparing) => Ok(target.was_unclear && target.request.is_some()),
        Ok(TargetState::Unknown) => Ok(true),
        Ok(state @ (TargetState::Scheduled | TargetState::Queued | TargetState::Committing)) => {
            Err(Error::Contract(format!("a target was started in state {state}")).into())
        }
        Ok(state) => {
            info!(%state, "nothing to do");
            Err(Stop::Done)
        }
        Err(unknown) => Err(Error::Contract(unknown.to_string()).into()),
    }
}

/// From here on the platform may have the post. What comes back is what is sent. Done before every send: it proves
/// that the job is still ours and that the lease outlasts the call.
async fn record_intent(environment: &Environment, work: &Work, draft: &Frozen) -> Result<Frozen, Stop> {
    let (job_id, token) = (work.claim.job_id, work.claim.token);
    let record = |lease| environment.db.record_intent(job_id, token, draft, lease);
    let recorded = async { intent::recorded(record).await?.ok_or(Stop::Lost) };
    Part::Intent.run(recorded).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_to_be_kept_is_left_to_a_person() {
        let named = |name: String| {
            let url = "https://a.example/post".into();
            nameable(Published { external_id: name, url, cid: None })
        };
        for kept in ["x".repeat(MAX_EXTERNAL_ID), "é".repeat(MAX_EXTERNAL_ID)] {
            assert!(named(kept.clone()).is_ok_and(|published| published.external_id == kept));
        }
        let Err(Stop::Failed(failure)) = named("x".repeat(600)) else { panic!("it was kept") };
        // nobody looks for it, which would find the same, and nobody sends it again
        assert_eq!((failure.class, failure.unknowable), (ErrorClass::OutcomeUnknown, true));
        assert!(failure.message.contains("600") && failure.message.contains("https://a.example/post"));
    }
}

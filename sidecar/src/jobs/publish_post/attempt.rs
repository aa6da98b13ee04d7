//! One try: what is done with the platform, as the account, with a session that is renewed when it ends.

use std::collections::HashSet;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde_json::Value;
use tracing::{info, warn};

use super::{PATIENCE, Stop, post_of};
use crate::address::Origin;
use crate::client::CALL;
use crate::db::{Target, patiently};
use crate::jobs::session::{AccountSession, ends_session, not_active};
use crate::jobs::{Environment, Work};
use crate::providers::{Account, Failure, Found, Frozen, Others, Post, Provider, Published, Sought};
use crate::spans::Part;

/// A look that is too early is not repeated sooner.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// How long one try prepares. What is prepared then is kept, and the next try goes on. No piece fetches more than what the
/// platform takes of one image or of one part of a video, so that this bounds the bytes too.
const PREPARATION: Duration = Duration::from_secs(30 * 60);
/// Sends of one try: the first, one after a proven absence, one after preparing again.
const MAX_SENDS: usize = 3;

/// A try of one target.
pub(super) struct Attempt<'a> {
    environment: &'a Environment,
    work: &'a Work,
    provider: Arc<dyn Provider>,
    account: Account,
    /// Of the account.
    status: String,
    post: Post,
    prepared: Value,
    frozen: Option<Frozen>,
    /// When what is sent was written down, if that is known; where it is not yet, a moment before.
    drafted: Option<Instant>,
    /// When the last intent was recorded, if one was: nothing was sent later than that and a call.
    intent_at: Option<Instant>,
    /// When another target was sent last that has a post which could be ours. Either of the two can have been the one that
    /// the platform made it of, so that the other may still become visible.
    other_at: StdMutex<Option<Instant>>,
    /// An earlier try may have been published.
    unclear: bool,
    session: AccountSession<'a>,
}

/// What the part before the point of no return leads to.
pub(super) enum Ready {
    /// An earlier try had done it.
    Published(Published),
    /// This is to be sent.
    ToSend(Frozen),
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        environment: &'a Environment,
        work: &'a Work,
        target: Target,
        unclear: bool,
    ) -> Result<Self, Failure> {
        let provider = environment.providers.get(&target.platform).ok_or_else(|| {
            Failure::new(
                ErrorClass::Unsupported,
                format!("this crierd has no provider for {}", target.platform),
            )
        })?;
        work.charges.begin(provider.platform());
        let post = post_of(provider.platform(), &target)?;
        let account = Account {
            id: target.account_id,
            external_id: target.external_id,
            handle: target.handle,
            base_url: target.base_url,
            charges: work.charges.clone(),
        };
        info!(
            server = %Origin(&account.base_url), state = target.state, "publishing"
        );
        let frozen = target.platform_key.zip(target.request).map(|(key, request)| Frozen { key, request });
        let drafted = if frozen.is_some() { target.since_draft.map(ago) } else { Some(Instant::now()) };
        Ok(Self {
            environment,
            work,
            provider: Arc::clone(provider),
            session: AccountSession::new(environment, provider, &account),
            account,
            status: target.account_status,
            post,
            prepared: target.prepared.unwrap_or_default(),
            frozen,
            drafted,
            intent_at: target.since_intent.map(ago),
            other_at: StdMutex::default(),
            unclear,
        })
    }

    fn is_active(&self) -> bool {
        self.status == "active"
    }

    /// Everything that can be repeated: settle what is unclear, prepare, write down what is to be sent.
    pub(super) async fn ready(&self) -> Result<Ready, Stop> {
        if self.unclear {
            // Never so by our own doing. Without its key an earlier try can't be looked for.
            let frozen = self.frozen.as_ref().ok_or_else(key_is_gone)?;
            if let Some(published) = self.settle(frozen).await? {
                return Ok(Ready::Published(published));
            }
        }
        if !self.is_active() {
            return Err(not_active(&self.status).into());
        }
        // Opened or renewed now, because that may take long and the intent's lease is only made for the send.
        self.session.held().await?;
        if let Some(frozen) = &self.frozen {
            return Ok(Ready::ToSend(frozen.clone()));
        }
        let prepared = Part::Prepare.run(self.prepare()).await?;
        Ok(Ready::ToSend(self.provider.draft(&self.post, &prepared)?))
    }

    /// Asks the platform about an earlier try. Only a clear answer settles it.
    async fn settle(&self, frozen: &Frozen) -> Result<Option<Published>, Failure> {
        match Part::Look.run(self.look(frozen)).await.map_err(Failure::of_look)? {
            Found::Same(published) => {
                info!("an earlier try had been published");
                Ok(Some(published))
            }
            Found::Other => Err(occupied()),
            Found::Pending => Err(pending()),
            Found::Absent => match self.sent_at() {
                // What a list does not show yet may be there all the same.
                Some(sent) if sent.elapsed() < self.settled_after(frozen) => Err(self.ask_again(frozen)),
                _ => Ok(None),
            },
        }
    }

    /// Looks with the account's session where there is one, and without where the platform needs none.
    async fn look(&self, frozen: &Frozen) -> Result<Found, Failure> {
        let sought = Sought { frozen, drafted: self.drafted, others: self };
        if self.provider.looks_in_public() || !self.is_active() {
            return self.provider.look(&self.account, None, sought).await;
        }
        self.session
            .as_caller(|caller| async move {
                self.provider.look(&self.account, Some(&caller.session), sought).await
            })
            .await
    }

    /// When the last send was begun that may have made a post like ours.
    fn sent_at(&self) -> Option<Instant> {
        let other = *self.other_at.lock().unwrap_or_else(PoisonError::into_inner);
        self.intent_at.into_iter().chain(other).max()
    }

    /// How long after an intent what was sent must be visible: a call may last, and then the platform takes its time.
    fn settled_after(&self, frozen: &Frozen) -> Duration {
        let settles = self.provider.settles(frozen);
        if settles.is_zero() { settles } else { settles + CALL }
    }

    /// It can't be told yet: the platform is asked once what was sent last must be visible.
    fn ask_again(&self, frozen: &Frozen) -> Failure {
        let message = "the platform does not show yet whether it was published";
        let settles = self.settled_after(frozen);
        let wait = self.sent_at().map_or(settles, |sent| settles.saturating_sub(sent.elapsed()));
        Failure {
            retry_at: Some(SystemTime::now() + wait.max(SHORTEST_WAIT)),
            ..Failure::new(ErrorClass::OutcomeUnknown, message)
        }
    }

    /// Prepares piece by piece; each is stored, so that the next try goes on there.
    async fn prepare(&self) -> Result<Value, Stop> {
        let (job_id, token) = (self.work.claim.job_id, self.work.claim.token);
        let until = Instant::now() + PREPARATION;
        let mut prepared = self.prepared.clone();
        while let Some(more) = self.prepare_piece(&prepared, until).await? {
            prepared = more;
            let db = &self.environment.db;
            if !patiently(PATIENCE, || db.save_prepared(job_id, token, &prepared)).await? {
                return Err(Stop::Lost);
            }
        }
        Ok(prepared)
    }

    /// The uploads are gone: makes them again. The record already names them by their content.
    async fn prepare_again(&self) -> Result<(), Failure> {
        let until = Instant::now() + PREPARATION;
        let mut prepared = Value::Null;
        while let Some(more) = self.prepare_piece(&prepared, until).await? {
            prepared = more;
        }
        Ok(())
    }

    async fn prepare_piece(&self, prepared: &Value, until: Instant) -> Result<Option<Value>, Failure> {
        if Instant::now() >= until {
            return Err(Failure::new(ErrorClass::Transient, "the preparation of the post takes too long"));
        }
        self.session
            .as_caller(|caller| async move { self.provider.prepare(&caller, &self.post, prepared).await })
            .await
    }

    /// Sends the frozen bytes under the frozen key. After an unclear answer it looks at once, and what is
    /// proven absent is sent once more: with this key, the same bytes can't become a second post.
    ///
    /// `again` records the intent once more. It runs before every send but the first: what lies between two sends
    /// may outlast the lease.
    pub(super) async fn send<F>(&self, frozen: &Frozen, again: impl Fn() -> F) -> Result<Published, Stop>
    where
        F: Future<Output = Result<(), Stop>>,
    {
        let mut unclear: Option<Failure> = None;
        let mut prepared_again = false;
        for sends in 0..MAX_SENDS {
            if sends > 0 {
                again().await.map_err(|stop| stop.after(unclear.as_ref()))?;
            }
            let failure = match Part::Commit.run(self.commit(frozen, &again)).await {
                Ok(published) => return Ok(published),
                Err(Stop::Failed(failure)) => failure,
                Err(stop) => return Err(stop),
            };
            if failure.prepare_again && !prepared_again {
                prepared_again = true;
                Part::Prepare
                    .run(self.prepare_again())
                    .await
                    .map_err(|failure| after(unclear.as_ref(), failure))?;
                continue;
            }
            // The platform has this content, or a post that has its media: that can be what an unclear send left there.
            let is_taken = failure.class == ErrorClass::Duplicate || failure.draft_again;
            let ours_maybe = is_taken && (self.unclear || unclear.is_some());
            // Also where a person took it for absent that was sent before, if it was read and is the same.
            let is_named = ours_maybe || is_taken && self.frozen.is_some() && !failure.existing_unread;
            if is_named && let Some(existing) = self.named(&failure).await {
                return Ok(existing);
            }
            if failure.class != ErrorClass::OutcomeUnknown && !ours_maybe {
                return Err(after(unclear.as_ref(), failure).into());
            }
            warn!(
                status = failure.status,
                code = failure.code,
                reason = failure.message,
                "no clear answer, looking"
            );
            let settles = self.provider.settles(frozen);
            let later = |failure: Failure| Failure {
                retry_at: failure.retry_at.or((!settles.is_zero()).then(|| SystemTime::now() + settles)),
                ..failure.into_unknown()
            };
            match Part::Look.run(self.look(frozen)).await {
                Ok(Found::Same(published)) => return Ok(published),
                Ok(Found::Other) => return Err(occupied().into()),
                Ok(Found::Absent) if ours_maybe && failure.class == ErrorClass::Duplicate => {
                    return Err(unlisted(&failure).into());
                }
                Ok(Found::Absent) if settles.is_zero() && unclear.is_none() && !ours_maybe => {
                    unclear = Some(failure);
                }
                // Absence proves nothing yet, or it is twice unclear and twice absent: the server may still be at it. The
                // next try looks again.
                Ok(Found::Absent | Found::Pending) => return Err(later(failure).into()),
                Err(look) => {
                    warn!(class = %look.class, "the look failed");
                    let look = look.of_look();
                    let failure = Failure { unknowable: look.unknowable, ..failure };
                    let waits = look.class != ErrorClass::OutcomeUnknown;
                    return Err(if waits { look } else { later(failure) }.into());
                }
            }
        }
        Err(unclear.unwrap_or_else(|| Failure::new(ErrorClass::OutcomeUnknown, "no clear answer")).into())
    }

    /// The post that the platform named when it refused a duplicate of it, where no other target has that: then an earlier send made
    /// it.
    async fn named(&self, failure: &Failure) -> Option<Published> {
        let existing = failure.existing.as_deref()?;
        let taken = self.taken(vec![existing.external_id.clone()]).await.ok()?;
        taken.is_empty().then(|| existing.clone())
    }

    /// Does what belongs to a post that is there. Whatever comes of it, the post is published.
    pub(super) async fn complete(&self, published: &Published) {
        if !self.is_active() || !self.provider.completes(&self.post) {
            return;
        }
        let completed = self
            .session
            .as_caller(|caller| async move { self.provider.complete(&caller, &self.post, published).await });
        if let Err(failure) = completed.await {
            warn!(
                class = %failure.class, reason = failure.message,
                "the post is published, and something that belongs to it failed"
            );
        }
    }

    /// One send. A session that has ended sends nothing: it is renewed, and that is repeated once.
    async fn commit<F>(&self, frozen: &Frozen, again: &impl Fn() -> F) -> Result<Published, Stop>
    where
        F: Future<Output = Result<(), Stop>>,
    {
        let held = self.session.held().await?;
        let generation = held.generation;
        match self.provider.commit(&self.session.caller(held), &self.post, frozen).await {
            Err(failure) if ends_session(&failure) => {
                let held = self.session.renewed(generation).await?;
                again().await?;
                Ok(self.provider.commit(&self.session.caller(held), &self.post, frozen).await?)
            }
            sent => Ok(sent?),
        }
    }
}

#[async_trait]
impl Others for Attempt<'_> {
    async fn have(&self, external_ids: Vec<String>) -> Result<HashSet<String>, Failure> {
        let (db, job_id) = (&self.environment.db, self.work.claim.job_id);
        let taken = patiently(PATIENCE, || db.taken_posts(job_id, &external_ids)).await;
        let taken = taken
            .map_err(|error| Failure::new(ErrorClass::Transient, format!("the database refused: {error}")))?;
        let last = taken.iter().filter_map(|(_, since)| since.map(ago)).max();
        let mut other_at = self.other_at.lock().unwrap_or_else(PoisonError::into_inner);
        *other_at = other_at.into_iter().chain(last).max();
        Ok(taken.into_iter().map(|(id, _)| id).collect())
    }
}

/// The moment some seconds ago; now, where the clocks disagree.
fn ago(seconds: f64) -> Instant {
    let now = Instant::now();
    Duration::try_from_secs_f64(seconds).ok().and_then(|since| now.checked_sub(since)).unwrap_or(now)
}

/// A refusal is clear about its own call only: with an unclear one before it, the next try has to look.
fn after(unclear: Option<&Failure>, failure: Failure) -> Failure {
    if unclear.is_some() { failure.into_unknown() } else { failure }
}

impl Stop {
    fn after(self, unclear: Option<&Failure>) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(after(unclear, failure)),
            stop => stop,
        }
    }
}

fn key_is_gone() -> Failure {
    Failure::new(ErrorClass::OutcomeUnknown, "the key of an earlier try is gone: only a person can find out")
}

/// How long the platform needs nobody knows: it is asked after the usual pause, so that the looks are not used up at once.
fn pending() -> Failure {
    Failure::new(ErrorClass::OutcomeUnknown, "the platform can't tell yet whether it was published")
}

/// It was sent again because no list showed it, and the platform has it all the same. No list will show it, and once it refuses no
/// duplicate any more, another send would be a second post.
fn unlisted(failure: &Failure) -> Failure {
    let message = "the platform refuses it as a duplicate of a post that it does not list";
    let said = Failure::unknowable(&format!("{message}: {}", failure.message));
    Failure { status: failure.status, code: failure.code.clone(), ..said }
}

/// Nobody else has the key, as far as anyone knows: it may well be our post, changed since.
fn occupied() -> Failure {
    Failure::new(
        ErrorClass::OutcomeUnknown,
        "the platform has a post with another content under this post's key: whether it is this post, changed \
         since it was published, only a person can find out",
    )
}

#[cfg(test)]
mod tests;

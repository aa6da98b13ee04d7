//! What a try does with each sequence of answers. The database is never reached: the session is at hand.

use std::collections::VecDeque;

use async_trait::async_trait;
use crier_core::platform::Platform;
use crier_core::platform::bluesky::PLATFORM as BLUESKY;
use crier_core::platform::x::PLATFORM as X;
use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;
use crate::credentials::Held;
use crate::db::Claim;
use crate::providers::{Caller, Lifetime, Login};
use crate::secrets::Session;
use crate::worker::Phase;

mod not_at_once;

/// Answers in the order of a script and writes down what it was asked.
struct Scripted {
    platform: &'static Platform,
    commits: StdMutex<VecDeque<Result<(), Failure>>>,
    looks: StdMutex<VecDeque<Result<Found, Failure>>>,
    calls: StdMutex<Vec<&'static str>>,
}

impl Scripted {
    fn note(&self, call: &'static str) {
        self.calls.lock().unwrap().push(call);
    }
}

#[async_trait]
impl Provider for Scripted {
    fn platform(&self) -> &'static Platform {
        self.platform
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://pds.invalid")
    }

    async fn login(&self, _: &str, _: &str, _: &SecretString) -> Result<Login, Failure> {
        unreachable!("no try logs in")
    }

    fn lifetime(&self, _: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _: &Caller) -> Result<Session, Failure> {
        unreachable!("no answer asks for it")
    }

    async fn prepare(&self, _: &Caller, _: &Post, prepared: &Value) -> Result<Option<Value>, Failure> {
        self.note("prepare");
        Ok(prepared.is_null().then(|| json!({})))
    }

    fn draft(&self, _: &Post, _: &Value) -> Result<Frozen, Failure> {
        unreachable!("the request is frozen")
    }

    async fn commit(&self, _: &Caller, _: &Post, sent: &Frozen) -> Result<Published, Failure> {
        self.note("commit");
        assert_eq!(*sent, frozen(), "other bytes were sent");
        self.commits.lock().unwrap().pop_front().expect("one commit too many").map(|()| published())
    }

    async fn look(&self, _: &Account, _: Option<&Session>, _: Sought<'_>) -> Result<Found, Failure> {
        self.note("look");
        self.looks.lock().unwrap().pop_front().expect("one look too many")
    }

    async fn reach(&self, _: &str) -> Result<(), Failure> {
        unreachable!("doctor's")
    }
}

fn frozen() -> Frozen {
    Frozen { key: "k".into(), request: "{}".into() }
}

fn published() -> Published {
    Published { external_id: "at://x".into(), url: "https://x.invalid".into(), cid: None }
}

fn failure(class: ErrorClass) -> Failure {
    Failure::new(class, "scripted")
}

fn unclear() -> Result<(), Failure> {
    Err(failure(ErrorClass::OutcomeUnknown))
}

/// Sends with these answers; returns the outcome and what was called.
async fn send(
    commits: Vec<Result<(), Failure>>,
    looks: Vec<Result<Found, Failure>>,
) -> (Result<Published, ErrorClass>, Vec<&'static str>) {
    let (outcome, calls) = send_while(commits, looks, || Ok(())).await;
    let outcome = outcome.map_err(|stop| match stop {
        Stop::Failed(failure) => failure.class,
        stop => panic!("stopped: {stop:?}"),
    });
    (outcome, calls)
}

/// The same where this is what the database says to another record of the intent.
async fn send_while(
    commits: Vec<Result<(), Failure>>,
    looks: Vec<Result<Found, Failure>>,
    again: impl Fn() -> Result<(), Stop>,
) -> (Result<Published, Stop>, Vec<&'static str>) {
    let earlier = Earlier { platform: &BLUESKY, unclear: false, sent: None };
    let (outcome, calls) = with(earlier, commits, looks, async |attempt, scripted| {
        let again = || {
            scripted.note("intent");
            std::future::ready(again())
        };
        attempt.send(&frozen(), again).await
    })
    .await;
    (outcome, calls)
}

/// What was before the try.
#[derive(Clone, Copy)]
struct Earlier {
    platform: &'static Platform,
    /// A try before may have been published.
    unclear: bool,
    /// How long ago its intent was recorded.
    sent: Option<Duration>,
}

/// Does something with a try that finds these answers; what came of it and what was called.
async fn with<T>(
    earlier: Earlier,
    commits: Vec<Result<(), Failure>>,
    looks: Vec<Result<Found, Failure>>,
    act: impl AsyncFnOnce(&Attempt<'_>, &Scripted) -> T,
) -> (T, Vec<&'static str>) {
    let scripted = Arc::new(Scripted {
        platform: earlier.platform,
        commits: StdMutex::new(commits.into()),
        looks: StdMutex::new(looks.into()),
        calls: StdMutex::default(),
    });
    let environment = crate::jobs::tests::environment();
    let claim = Claim {
        job_id: Uuid::nil(),
        token: 1,
        attempt: 1,
        kind: "publish_post".into(),
        account_id: None,
        waited: 0.0,
    };
    let work =
        Work { claim, lost: CancellationToken::new(), phase: Phase::default(), charges: Default::default() };
    let session = Session::new("a".into(), "r".into());
    let account = Account {
        id: Uuid::nil(),
        external_id: "did:plc:a".into(),
        handle: "a.test".into(),
        base_url: "https://pds.invalid".into(),
        charges: Default::default(),
    };
    let provider: Arc<dyn Provider> = scripted.clone();
    let at_hand = AccountSession::new(&environment, &provider, &account);
    let attempt = Attempt {
        environment: &environment,
        work: &work,
        provider,
        account,
        status: "active".into(),
        post: Post { content: "x".into(), media: json!([]), settings: json!({}), attempt: 1, reply_to: None },
        prepared: Value::Null,
        frozen: Some(frozen()),
        drafted: None,
        intent_at: earlier.sent.and_then(|ago| Instant::now().checked_sub(ago)),
        other_at: StdMutex::default(),
        unclear: earlier.unclear,
        session: at_hand.with(Held { generation: 1, session }),
    };
    let outcome = act(&attempt, &scripted).await;
    let calls = scripted.calls.lock().unwrap().clone();
    (outcome, calls)
}

#[tokio::test]
async fn a_clear_answer_needs_no_look() {
    assert_eq!(send(vec![Ok(())], vec![]).await, (Ok(published()), vec!["commit"]));
    for class in
        [ErrorClass::Transient, ErrorClass::RateLimited, ErrorClass::ContentInvalid, ErrorClass::Permission]
    {
        assert_eq!(send(vec![Err(failure(class))], vec![]).await, (Err(class), vec!["commit"]));
    }
}

#[tokio::test]
async fn after_an_unclear_answer_it_looks_before_anything_else() {
    let there = send(vec![unclear()], vec![Ok(Found::Same(published()))]).await;
    assert_eq!(there, (Ok(published()), vec!["commit", "look"]));
    let other = send(vec![unclear()], vec![Ok(Found::Other)]).await;
    assert_eq!(other, (Err(ErrorClass::OutcomeUnknown), vec!["commit", "look"]));
}

#[tokio::test]
async fn without_proof_of_absence_nothing_is_sent_again() {
    for class in [ErrorClass::Transient, ErrorClass::AuthExpired, ErrorClass::Config] {
        let blind = send(vec![unclear()], vec![Err(failure(class))]).await;
        assert_eq!(blind, (Err(ErrorClass::OutcomeUnknown), vec!["commit", "look"]));
    }
}

#[tokio::test]
async fn a_look_that_has_to_wait_uses_up_no_try_and_leaves_the_doubt() {
    for (class, waits) in [
        (ErrorClass::RateLimited, ErrorClass::RateLimited),
        (ErrorClass::QuotaExhausted, ErrorClass::QuotaExhausted),
        (ErrorClass::Permission, ErrorClass::AuthRevoked),
    ] {
        let at = Some(SystemTime::now() + Duration::from_secs(900));
        let look = || Err(Failure { retry_at: at, ..failure(class) });
        let limited = ready(None, look()).await.unwrap_err();
        assert_eq!((limited.class, limited.may_be_out, limited.retry_at), (waits, true, at));
        let earlier = Earlier { platform: &X, unclear: false, sent: None };
        let send =
            async |attempt: &Attempt<'_>, _: &Scripted| attempt.send(&frozen(), || async { Ok(()) }).await;
        let (Err(Stop::Failed(sent)), calls) = with(earlier, vec![unclear()], vec![look()], send).await
        else {
            panic!("sent")
        };
        assert_eq!((sent.class, sent.may_be_out, sent.retry_at), (waits, true, at));
        assert_eq!(calls, ["commit", "look"]);
    }
}

#[tokio::test]
async fn what_is_proven_absent_is_sent_once_more() {
    let again = send(vec![unclear(), Ok(())], vec![Ok(Found::Absent)]).await;
    assert_eq!(again, (Ok(published()), vec!["commit", "look", "intent", "commit"]));
    let twice = send(vec![unclear(), unclear()], vec![Ok(Found::Absent), Ok(Found::Absent)]).await;
    assert_eq!(twice, (Err(ErrorClass::OutcomeUnknown), vec!["commit", "look", "intent", "commit", "look"]));
}

#[tokio::test]
async fn what_is_no_longer_ours_is_not_sent_again() {
    let lost = || Err(Stop::Lost);
    let (outcome, calls) = send_while(vec![unclear()], vec![Ok(Found::Absent)], lost).await;
    assert!(matches!(outcome, Err(Stop::Lost)), "{outcome:?}");
    assert_eq!(calls, ["commit", "look", "intent"]);
    let gone = Err(Failure { prepare_again: true, ..failure(ErrorClass::ContentInvalid) });
    let (outcome, calls) = send_while(vec![gone], vec![], lost).await;
    assert!(matches!(outcome, Err(Stop::Lost)), "{outcome:?}");
    assert_eq!(calls, ["commit", "prepare", "prepare", "intent"]);
    // A refusal of the database does not settle the send before it.
    let refused = || Err(Stop::Failed(failure(ErrorClass::Transient)));
    let (outcome, _) = send_while(vec![unclear()], vec![Ok(Found::Absent)], refused).await;
    assert!(matches!(&outcome, Err(Stop::Failed(failure)) if failure.class == ErrorClass::OutcomeUnknown));
}

#[tokio::test]
async fn a_refusal_after_an_unclear_answer_leaves_the_outcome_open() {
    for class in [ErrorClass::ContentInvalid, ErrorClass::Permission, ErrorClass::Transient] {
        let refused = send(vec![unclear(), Err(failure(class))], vec![Ok(Found::Absent)]).await;
        assert_eq!(refused, (Err(ErrorClass::OutcomeUnknown), vec!["commit", "look", "intent", "commit"]));
    }
}

#[tokio::test]
async fn uploads_that_are_gone_are_made_again_once() {
    let gone = || Err(Failure { prepare_again: true, ..failure(ErrorClass::ContentInvalid) });
    let mended = send(vec![gone(), Ok(())], vec![]).await;
    assert_eq!(mended, (Ok(published()), vec!["commit", "prepare", "prepare", "intent", "commit"]));
    let still_gone = send(vec![gone(), gone()], vec![]).await;
    let calls = vec!["commit", "prepare", "prepare", "intent", "commit"];
    assert_eq!(still_gone, (Err(ErrorClass::ContentInvalid), calls));
}

#[tokio::test]
async fn a_try_does_not_prepare_for_ever() {
    let earlier = Earlier { platform: &X, unclear: false, sent: None };
    let prepare = async |attempt: &Attempt<'_>, _: &Scripted| {
        let late = attempt.prepare_piece(&Value::Null, Instant::now()).await;
        let in_time = attempt.prepare_piece(&Value::Null, Instant::now() + PREPARATION).await;
        (late.map_err(|failure| failure.class), in_time)
    };
    let ((late, in_time), calls) = with(earlier, vec![], vec![], prepare).await;
    assert_eq!((late, in_time), (Err(ErrorClass::Transient), Ok(Some(json!({})))));
    assert_eq!(calls, ["prepare"]);
}

/// A refusal because of media that a post has already, or that are gone.
fn taken() -> Vec<Result<(), Failure>> {
    vec![Err(Failure { draft_again: true, ..failure(ErrorClass::ContentInvalid) })]
}

#[tokio::test]
async fn only_what_is_certainly_not_published_is_drafted_again() {
    let drafted_again = async |unclear, looks| {
        let earlier = Earlier { platform: &X, unclear, sent: None };
        let again = || async { Ok(()) };
        let send = async |attempt: &Attempt<'_>, _: &Scripted| attempt.send(&frozen(), again).await;
        match with(earlier, taken(), looks, send).await {
            (Err(Stop::Failed(failure)), calls) => (Ok((failure.class, failure.draft_again)), calls),
            (other, calls) => (Err(other.is_ok()), calls),
        }
    };
    let certain = drafted_again(false, vec![]).await;
    assert_eq!(certain, (Ok((ErrorClass::ContentInvalid, true)), vec!["commit"]));
    // after an unclear try it may be that one's post that has them
    let ours = drafted_again(true, vec![Ok(Found::Same(published()))]).await;
    assert_eq!(ours, (Err(true), vec!["commit", "look"]));
    for look in [Ok(Found::Absent), Err(failure(ErrorClass::Transient))] {
        let unseen = drafted_again(true, vec![look]).await;
        assert_eq!(unseen, (Ok((ErrorClass::OutcomeUnknown, false)), vec!["commit", "look"]));
    }
}

/// What an unclear try finds before it sends anything: the post, that it may send, or what it has to wait for.
async fn ready(sent: Option<Duration>, look: Result<Found, Failure>) -> Result<&'static str, Failure> {
    let earlier = Earlier { platform: &X, unclear: true, sent };
    let (ready, calls) = with(earlier, vec![], vec![look], async |attempt, _| attempt.ready().await).await;
    assert_eq!(calls, ["look"]);
    match ready {
        Ok(Ready::Published(_)) => Ok("published"),
        Ok(Ready::ToSend(_)) => Ok("to send"),
        Err(Stop::Failed(failure)) => Err(failure),
        Err(stop) => panic!("stopped: {stop:?}"),
    }
}

#[tokio::test]
async fn absence_proves_nothing_before_a_post_must_be_visible() {
    let settled = X.settles + CALL;
    let (early, late) = (Some(settled / 2), Some(settled + Duration::from_secs(1)));
    assert_eq!(ready(early, Ok(Found::Same(published()))).await, Ok("published"));
    let waits = ready(early, Ok(Found::Absent)).await.unwrap_err();
    assert_eq!(waits.class, ErrorClass::OutcomeUnknown);
    let wait = waits.retry_at.unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(wait <= settled / 2 && wait > settled / 4, "{wait:?}");
    assert_eq!(ready(late, Ok(Found::Absent)).await, Ok("to send"));
    for unclear in [Ok(Found::Pending), Ok(Found::Other), Err(failure(ErrorClass::Transient))] {
        assert_eq!(ready(late, unclear).await.unwrap_err().class, ErrorClass::OutcomeUnknown);
    }
    assert_eq!(ready(late, Ok(Found::Pending)).await.unwrap_err().retry_at, None);
}

#[tokio::test]
async fn what_another_target_has_may_have_been_ours_and_its_own_is_waited_for() {
    let settled = X.settles + CALL;
    let late = Earlier { platform: &X, unclear: true, sent: Some(settled * 2) };
    let ready = async |other: Duration| {
        let looks = vec![Ok(Found::Absent)];
        let (ready, _) = with(late, vec![], looks, async |attempt, _| {
            *attempt.other_at.lock().unwrap() = Instant::now().checked_sub(other);
            attempt.ready().await
        })
        .await;
        ready
    };
    let Err(Stop::Failed(waits)) = ready(settled / 2).await else { panic!("sent too early") };
    let wait = waits.retry_at.unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(wait <= settled / 2 && wait > settled / 4, "{wait:?}");
    assert!(matches!(ready(settled * 2).await, Ok(Ready::ToSend(_))));
}

//! What holds on every platform whose accounts are connected by pasting a secret that has no end, and whose look reads what the
//! account has: a platform's own tests run these with its [`Course`].

use std::time::Duration;

use crier_tests::backdoor;
use crier_tests::orders::Course;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

/// The tests of a platform of which all of this holds: by its course, and the call by which is looked.
macro_rules! tests_of {
    ($course:expr, $look:expr) => {
        #[tokio::test]
        async fn one_fault_of_any_kind() {
            $crate::usual::one_fault_of_any_kind($course).await;
        }

        #[tokio::test]
        async fn killed_between_the_commit_and_the_answer() {
            $crate::usual::killed_between_the_commit_and_the_answer($course).await;
        }

        #[tokio::test]
        async fn nothing_is_sent_again_too_early() {
            $crate::usual::nothing_is_sent_again_too_early($course, $look).await;
        }

        #[tokio::test]
        async fn a_limit_parks_the_account() {
            $crate::usual::a_limit_parks_the_account($course).await;
        }

        #[tokio::test]
        async fn a_secret_that_was_taken_back_keeps_the_posts() {
            $crate::usual::a_secret_that_was_taken_back_keeps_the_posts($course).await;
        }
    };
}
pub(crate) use tests_of;

/// A post with the settings and media of the course.
pub(crate) async fn post(course: Course, stage: &Stage, text: &str) -> Uuid {
    let settings = json!({ (course.platform): (course.post_settings)() });
    stage.post_as(text, &(course.media)(), &settings).await
}

/// The class of a target's error.
pub(crate) async fn class(stage: &Stage, post: Uuid) -> Value {
    stage.target(post).await["error"]["class"].clone()
}

/// After each fault there is one post; none where it was refused in so many words.
pub(crate) async fn one_fault_of_any_kind(course: Course) {
    let (sim, stage) = course.simulated().await;
    let _crierd = course.start(&sim, &stage).await;
    for planned in [
        Fault::DropBeforeCommit,
        Fault::DropAfterCommit,
        Fault::ServerError,
        Fault::ServerErrorAfterCommit,
        Fault::Garbage,
        Fault::NulError,
        Fault::RateLimited,
    ] {
        sim.plan(Rule::once(course.platform, course.commit, planned).seconds(1.0));
        let text = format!("{planned:?}");
        let post = post(course, &stage, &text).await;
        let target = stage.ended(post).await;
        let expected = if planned == Fault::NulError { ("failed", 0) } else { ("published", 1) };
        let came = (target["state"].as_str().unwrap_or_default(), sim.visible(&text).len());
        assert_eq!(came, expected, "{planned:?}: {target}");
        assert_eq!(sim.faults_left(), 0, "{planned:?}");
    }
    let log = stage.deployment.logs();
    let tokens = sim.issued_tokens();
    for secret in tokens.iter().map(String::as_str).chain([course.secret]) {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

/// What was carried out before a kill is found, and not sent again.
pub(crate) async fn killed_between_the_commit_and_the_answer(course: Course) {
    let (sim, stage) = course.simulated().await;
    sim.plan(Rule::once(course.platform, course.commit, Fault::HoldAfterCommit));
    let crierd = course.start(&sim, &stage).await;
    let post = post(course, &stage, "once").await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = course.start(&sim, &stage).await;
    let target = stage.published(post).await;
    assert_eq!((sim.visible("once").len(), sim.calls(course.commit)), (1, 1), "{target}");
}

/// What a look doesn't find is only sent again once it must be found.
pub(crate) async fn nothing_is_sent_again_too_early(course: Course, look: &str) {
    let (sim, stage) = course.simulated().await;
    sim.plan(Rule::once(course.platform, course.commit, Fault::DropBeforeCommit));
    let _crierd = course.start(&sim, &stage).await;
    let post = post(course, &stage, "once").await;
    wait_until("the state of the target", json!("unknown"), async || {
        stage.target(post).await["state"].clone()
    })
    .await;
    let looks = sim.calls(look);
    backdoor::make_retries_due(&stage.sql).await;
    wait_until("another look", true, async || sim.calls(look) > looks).await;
    assert_eq!(sim.calls(course.commit), 1);
    stage.ended(post).await;
    assert_eq!((sim.visible("once").len(), sim.calls(course.commit)), (1, 2));
}

/// What can't be seen yet is waited for, and not sent again. Gives the simulator, which has counted the calls.
pub(crate) async fn what_is_shown_late_is_waited_for(course: Course, look: &str) -> Sim {
    let (sim, stage) = course.simulated().await;
    sim.platform(course.platform).publish_later(Duration::from_secs(3_600));
    sim.plan(Rule::once(course.platform, course.commit, Fault::DropAfterCommit));
    let _crierd = course.start(&sim, &stage).await;
    let post = post(course, &stage, "shown later").await;
    stage.waits(post, "outcome_unknown").await;
    let looks = sim.calls(look);
    backdoor::make_retries_due(&stage.sql).await;
    wait_until("another look", true, async || sim.calls(look) > looks).await;
    sim.platform(course.platform).show_all();
    stage.published_once(&sim, post, "shown later").await;
    sim
}

/// An hour's limit is an hour's wait, and what waited is sent.
pub(crate) async fn a_limit_parks_the_account(course: Course) {
    let (sim, stage) = course.simulated().await;
    sim.plan(Rule::once(course.platform, course.commit, Fault::RateLimited).seconds(3_600.0));
    let _crierd = course.start(&sim, &stage).await;
    let post = post(course, &stage, "later").await;
    wait_until("the error of the target", json!("rate_limited"), async || class(&stage, post).await).await;
    let waits = "SELECT run_at - now() BETWEEN interval '50 minutes' AND interval '1 hour' FROM crier.jobs \
                 WHERE finished_at IS NULL";
    wait_until("an hour's wait", "t".to_owned(), async || stage.sql.text(waits).await).await;
    stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
    stage.published(post).await;
    assert_eq!((sim.visible("later").len(), sim.calls(course.commit)), (1, 2));
}

/// Posts wait for a new secret; that of another account is not taken for it.
pub(crate) async fn a_secret_that_was_taken_back_keeps_the_posts(course: Course) {
    let Course { platform, handle, .. } = course;
    let (sim, stage) = course.simulated().await;
    let (server, workspace) = (sim.url_of(platform), stage.workspace);
    sim.platform(platform).revoke(handle);
    let _crierd = course.start(&sim, &stage).await;
    let post = post(course, &stage, "kept").await;
    wait_until("the error of the target", json!("auth_revoked"), async || class(&stage, post).await).await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required");
    sim.add_account(platform, "bob", "the secret of bob");
    let add = stage.deployment.try_add_account_on(platform, workspace, handle, &server, "the secret of bob");
    assert!(!add.status.success() && !add.stderr.contains("the secret of"), "{add:?}");
    sim.add_account(platform, handle, "another secret");
    let again = stage.deployment.add_account_on(platform, workspace, handle, &server, "another secret");
    assert_eq!(again, stage.account);
    stage.published(post).await;
    assert_eq!(sim.visible("kept").len(), 1);
}

/// What the platform would refuse is refused when it is created: texts as SQL, and settings.
pub(crate) async fn refused_before(course: Course, posts: &[(&str, Value)]) {
    let (_sim, stage) = course.simulated().await;
    for (text, settings) in posts {
        let settings = json!({ (course.platform): settings });
        let sql = format!(
            "SELECT crier.create_post('{}', {text}, ARRAY['{}'::uuid], settings => '{settings}')",
            stage.workspace, stage.account
        );
        let refusal = stage.sql.refusal(&sql).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "content_invalid"),
            "{refusal}"
        );
    }
}

//! One post, whatever order things go wrong in: every fault at every call of every platform's flow, a kill and a loss of the
//! database at each, a kill before and after calls of the database, and some of the pairs. The rest is run by `make orders`.

use crier_tests::backdoor;
use crier_tests::call_proxy::{CallProxy, Side};
use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::http;
use crier_tests::orders::{
    Course, Matrix, Outcome, Runner, Trouble, database_kills, film, pairs, picture, singles,
};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Of the pairs, every so many are run here.
const SOME: usize = 97;
/// Of the kills at the database, every so many are run on most platforms.
const THIRD: usize = 3;
/// More than is run here.
const MANY: u32 = 1_000_000;
/// How many run all pairs of a platform at once, each with a platform and a sidecar of its own: most of what an order does is
/// wait for its own processes.
const LANES: usize = 4;
/// How many orders a runner runs: what helps time along touches all it has published. It is told then how far that is.
const AT_A_TIME: usize = 150;

const BLUESKY: Course = Course {
    platform: "bluesky",
    handle: "alice.test",
    secret: "abcd-efgh-ijkl-mnop",
    commit: "com.atproto.repo.putRecord",
    media: picture,
    ..Course::PLAIN
};
/// The same with a video, which a service processes before the post is there.
const BLUESKY_VIDEO: Course =
    Course { media: film, variables: &[("CRIER_BLUESKY_VIDEO_SERVICE", "SERVER")], ..BLUESKY };
const MASTODON: Course =
    Course { platform: "mastodon", commit: "statuses.create", media: picture, ..Course::PLAIN };
const X: Course = Course {
    platform: "x",
    secret: "first-access:first-refresh",
    commit: "tweets.create",
    media: picture,
    settings: Some(|| {
        json!({"limits": {"tweets.create": MANY, "users.tweets": MANY, "users.me": MANY, "oauth2.token": MANY,
                          "media.initialize": MANY, "media.append": MANY, "media.finalize": MANY,
                          "media.metadata": MANY, "media.status": MANY}})
    }),
    variables: &[("CRIER_X_CLIENT_ID", "the-app")],
    ..Course::PLAIN
};
const INSTAGRAM: Course = Course {
    platform: "instagram",
    handle: "alice.test",
    secret: "IGAA-pasted",
    commit: "media.publish",
    media: || json!([{"url": "https://media.example/a.jpg", "alt": "a desk"}]),
    settings: Some(|| json!({"alice.test": {"daily_quota": MANY, "refresh_after_seconds": 0}})),
    ..Course::PLAIN
};

/// One of each platform, one a line.
#[rustfmt::skip]
pub(crate) const COURSES: &[Course] = &[
    BLUESKY,
    BLUESKY_VIDEO,
    MASTODON,
    X,
    INSTAGRAM,
    crate::linkedin::PAGE,
    crate::linkedin::MEMBER,
    crate::linkedin::RESENDING,
    crate::misskey::COURSE,
    crate::discord::BOT,
    crate::discord::WEBHOOK,
    crate::pinterest::COURSE,
    crate::pinterest::VIDEO_COURSE,
    crate::telegram::COURSE,
    crate::slack::BOT,
    crate::slack::WITH_FILES,
    crate::slack::WEBHOOK,
    crate::youtube::COURSE,
    crate::facebook::COURSE,
    crate::facebook::VIDEO,
    crate::facebook::STORY,
    crate::meta_threads::COURSE,
    crate::tiktok::COURSE,
    crate::tiktok::PHOTOS,
    crate::wordpress::COURSE,
    crate::devto::COURSE,
    crate::lemmy::COURSE,
    crate::nostr::COURSE,
    crate::reddit::COURSE,
    crate::reddit::IMAGE,
    crate::reddit::VIDEO,
];

/// Runs the orders that are chosen, prints how they came out, and fails where one lost a post or doubled it.
pub(crate) async fn hold(course: Course, choose: impl FnOnce(&[String]) -> Vec<Vec<Trouble>>) {
    let mut runner = Runner::start(course).await;
    let flow = runner.flow().await;
    let mut matrix = Matrix::default();
    for order in choose(&flow) {
        let outcome = runner.run(&order).await;
        matrix.orders.push((order, outcome));
    }
    check(course, &matrix, &flow);
}

/// The same with all pairs, by several runners at a time.
async fn hold_pairs(course: Course) {
    let flow = Runner::start(course).await.flow().await;
    let lanes = (0..LANES).map(|lane| {
        let mine: Vec<_> = pairs(&flow).into_iter().skip(lane).step_by(LANES).collect();
        async move {
            let mut matrix = Matrix::default();
            for some in mine.chunks(AT_A_TIME) {
                let mut runner = Runner::start(course).await;
                for order in some {
                    let outcome = runner.run(order).await;
                    matrix.orders.push((order.clone(), outcome));
                }
                println!("{}, lane {} of {LANES}: {matrix}", course.platform, lane + 1);
            }
            matrix
        }
    });
    let orders = join_all(lanes).await.into_iter().flat_map(|matrix| matrix.orders).collect();
    check(course, &Matrix { orders }, &flow);
}

fn check(course: Course, matrix: &Matrix, flow: &[String]) {
    println!("{}: {matrix}; its calls: {}", course.platform, flow.join(", "));
    assert!(matrix.wrong().is_empty(), "{}: {matrix}: {:#?}", course.platform, matrix.wrong());
    ask_nobody(course, matrix);
}

/// Only where nothing can be found out may a person be asked.
fn ask_nobody(course: Course, matrix: &Matrix) {
    let asked =
        matrix.orders.iter().filter(|(_, came)| *came == Outcome::Unconfirmed).map(|(order, _)| order);
    let asked: Vec<_> = asked.collect();
    assert!(course.asks || asked.is_empty(), "{}: {matrix}: asked after {asked:#?}", course.platform);
}

pub(crate) fn singles_and_some_pairs(flow: &[String]) -> Vec<Vec<Trouble>> {
    singles(flow).into_iter().chain(pairs(flow).into_iter().step_by(SOME)).collect()
}

/// Kills the sidecar before and after a third of the calls of the database that a publish makes, on each platform another third:
/// what is killed there is the same on all of them. `make orders` has the rest.
pub(crate) async fn hold_at_the_database(course: Course) {
    let place = COURSES.iter().position(|other| other.platform == course.platform).unwrap_or_default();
    hold_kills(course, place % THIRD, THIRD).await;
}

/// The same with every call.
async fn hold_every_kill(course: Course) {
    hold_kills(course, 0, 1).await;
}

/// Runs every so many of the kills, from one on, and prints what came of each.
async fn hold_kills(course: Course, from: usize, step: usize) {
    let mut runner = Runner::start(course).await;
    let (mut matrix, mut lines) = (Matrix::default(), String::new());
    for order in database_kills(course.commit).into_iter().skip(from).step_by(step) {
        let kills = runner.kills();
        let outcome = runner.run(&order).await;
        if runner.kills() > kills {
            let troubles: Vec<_> = order.iter().map(ToString::to_string).collect();
            lines += &format!("  {}: {outcome:?}\n", troubles.join(", then "));
        }
        matrix.orders.push((order, outcome));
    }
    println!("{}: {matrix}; {} kills at the database:\n{lines}", course.platform, runner.kills());
    assert!(matrix.wrong().is_empty(), "{}: {matrix}: {:#?}", course.platform, matrix.wrong());
    ask_nobody(course, &matrix);
    // a publish comes to most of these calls
    assert!(runner.kills() >= course.kills / step, "{}: only {} kills", course.platform, runner.kills());
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_bluesky() {
    hold_every_kill(BLUESKY).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_mastodon() {
    hold_every_kill(MASTODON).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_x() {
    hold_every_kill(X).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_instagram() {
    hold_every_kill(INSTAGRAM).await;
}

/// A request whose media somebody else's post has taken can never be sent. Whoever dies before that is forgotten leaves a send
/// that nobody knows about, and a person is asked; after it, the post is written down anew.
#[tokio::test]
async fn killed_while_a_request_is_forgotten() {
    for (side, state, posts) in [(Side::Before, "unconfirmed", 0), (Side::After, "published", 1)] {
        let (sim, database) = (Sim::start(), Database::shared().await);
        let Course { platform, handle, secret, commit, .. } = MASTODON;
        sim.add_account(platform, handle, secret);
        let proxy = CallProxy::start(database.server().port());
        let (url, server) = (database.url_through(SIDECAR_ROLE, proxy.port()), sim.url_of(platform));
        let stage = Stage::connected_by(platform, database, &url, handle, &server, secret).await;
        stage.without_pace().await;
        stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
        sim.plan(Rule::once(platform, commit, Fault::RateLimited).seconds(3_600.0));
        let crierd = stage.deployment.start().await;
        let post = stage.post_with("mine", &picture()).await;
        let class = async || stage.target(post).await["error"]["class"].clone();
        wait_until("the error of the target", json!("rate_limited"), class).await;
        let request: String = stage.sql.value("SELECT request FROM crier.post_target", &[]).await;
        let request: Value = serde_json::from_str(&request).expect("JSON");
        let theirs = json!({"status": "theirs", "media_ids": request["media_ids"]});
        let taken =
            http::client().post(format!("{server}/api/v1/statuses")).bearer_auth(secret).json(&theirs);
        assert!(taken.send().await.expect("an answer").status().is_success());

        proxy.plan("withdraw_intent", 1, side);
        stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
        backdoor::make_retries_due(&stage.sql).await;
        wait_until("the number of calls that are held", 1, async || proxy.held()).await;
        crierd.kill();
        proxy.cut();
        backdoor::lapse_leases(&stage.sql).await;
        let _crierd = stage.deployment.start().await;
        let target = stage.ended(post).await;
        assert_eq!(
            (&target["state"], sim.visible("mine").len()),
            (&json!(state), posts),
            "{side:?}: {target}"
        );
    }
}

#[tokio::test]
async fn on_bluesky() {
    hold(BLUESKY, singles_and_some_pairs).await;
}

#[tokio::test]
async fn a_video_on_bluesky() {
    hold(BLUESKY_VIDEO, singles_and_some_pairs).await;
}

#[tokio::test]
async fn on_mastodon() {
    hold(MASTODON, singles_and_some_pairs).await;
}

#[tokio::test]
async fn on_x() {
    hold(X, singles_and_some_pairs).await;
}

#[tokio::test]
async fn on_instagram() {
    hold(INSTAGRAM, singles_and_some_pairs).await;
}

#[tokio::test]
#[ignore = "takes hours: make orders"]
async fn every_pair_and_every_kill_on_every_platform() {
    let chosen = std::env::var("CRIER_TEST_PLATFORMS").unwrap_or_default();
    let chosen: Vec<&str> = chosen.split_whitespace().collect();
    let courses = COURSES.iter().filter(|course| chosen.is_empty() || chosen.contains(&course.platform));
    for course in courses {
        hold_every_kill(*course).await;
        hold_pairs(*course).await;
    }
}

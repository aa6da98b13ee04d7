//! Pins on Pinterest, from SQL to the simulated platform: each is there once, although Pinterest would take it twice.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::connecting::Connecting;
use crier_tests::crierd::Crierd;
use crier_tests::images::{data_url, film, png};
use crier_tests::orders::{self, Course, behind};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};
use crate::usual;

const CREATE: &str = "pins.create";
const LOOK: &str = "boards.pins";
const REFRESH: &str = "oauth.token";
const HANDLE: &str = "alice";
const TOKENS: &str = "first-access-canary:first-refresh-canary";
const IMAGE: &str = "https://media.example/a.jpg";
const APP: [(&str, &str); 1] = [("CRIER_PINTEREST_CLIENT_ID", "the-app")];

pub(crate) const COURSE: Course = Course {
    platform: "pinterest",
    secret: TOKENS,
    commit: CREATE,
    media: || json!([{"url": IMAGE, "alt": "a desk"}]),
    variables: &APP,
    post_settings: || json!({"board_id": "1001", "title": "A desk", "link": "https://a.example/desk"}),
    ..Course::PLAIN
};
/// The same with a video, which is uploaded and processed before.
pub(crate) const VIDEO_COURSE: Course = Course { media: orders::film, ..COURSE };

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

async fn start(stage: &Stage) -> Crierd {
    stage.deployment.start_with(&APP).await
}

fn set(sim: &Sim, settings: &Value) {
    sim.platform("pinterest").set(settings).expect("settings");
}

fn video() -> Value {
    json!([{"url": data_url("video/mp4", &film()), "alt": "moves"}])
}

async fn pin_as(stage: &Stage, text: &str, media: &Value, settings: Value) -> Uuid {
    stage.post_as(text, media, &json!({ "pinterest": settings })).await
}

async fn pin(stage: &Stage, text: &str) -> Uuid {
    pin_as(stage, text, &json!([{"url": IMAGE, "alt": "a desk"}]), json!({"board_id": "1001"})).await
}

/// Waits until a post is published, and checks that it is there once and that Crier knows where.
async fn published_once(sim: &Sim, stage: &Stage, post: Uuid, text: &str) -> Value {
    let target = stage.ended(post).await;
    assert_eq!(target["state"], "published", "{text}: {target}");
    let [entry] = &sim.visible(text)[..] else { panic!("{text}: {:?}", sim.ledger()) };
    assert_eq!((&target["external_id"], &target["url"]), (&json!(entry.key), &json!(entry.uri)), "{text}");
    target
}

async fn waits(stage: &Stage, post: Uuid, class: &str) -> Value {
    wait_for(&format!("the target to wait for {class}"), SOON, async || {
        let target = stage.target(post).await;
        if target["error"]["class"] == class { Ok(target) } else { Err(target) }
    })
    .await
}

#[tokio::test]
async fn every_kind_of_pin_is_published() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    let carried = |colour| json!({"url": data_url("image/png", &png(4, 3, colour)), "alt": "a colour"});
    let (image, other) =
        (json!({"url": IMAGE}), json!({"url": "https://media.example/b.jpg", "alt": "the second"}));
    let board = json!({"board_id": "1001"});
    let section =
        json!({"board_id": "1001", "board_section_id": "7", "title": "A title", "link": "https://a.example"});
    for (text, media, settings, images, alt) in [
        ("an image", json!([image]), &board, 1, ""),
        ("in a section", json!([other]), &section, 1, "the second"),
        ("one that is carried", json!([carried([9, 0, 0])]), &board, 1, "a colour"),
        ("a carousel", json!([image, other]), &board, 2, "the second"),
        ("one that is carried too", json!([carried([9, 0, 0]), carried([0, 9, 0])]), &board, 2, "a colour"),
        ("a video", video(), &board, 1, "moves"),
        ("", json!([{"url": IMAGE, "alt": "without a word"}]), &board, 1, "without a word"),
    ] {
        let post = pin_as(&stage, text, &media, settings.clone()).await;
        let target = published_once(&sim, &stage, post, text).await;
        let entry = &sim.visible(text)[0];
        assert_eq!((entry.images.len(), entry.images[0].alt.as_str()), (images, alt), "{text}");
        assert_eq!(target["attempts"], 1, "{text}: {target}");
    }
    assert_eq!(sim.calls(LOOK), 0, "nothing was unclear");
    no_token_is_told(&sim, &stage);
}

fn no_token_is_told(sim: &Sim, stage: &Stage) {
    let logs = stage.deployment.logs();
    for token in sim.issued_tokens() {
        assert!(!logs.contains(&token), "a token stands in the log");
    }
}

#[tokio::test]
async fn a_text_is_found_again_however_it_is_written() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    // the courses have the others
    for fault in [Fault::DropAfterCommit, Fault::Garbage, Fault::OddError] {
        sim.plan(Rule::once("pinterest", CREATE, fault).seconds(1.0));
        let text = format!("{fault:?} & <co>\n\nGru\u{308}n");
        let post = pin(&stage, &text).await;
        published_once(&sim, &stage, post, &text).await;
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn a_lost_pin_is_found_wherever_it_was_moved() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    set(&sim, &json!({"oldest_first": true}));
    for text in ["one", "two"] {
        let post = pin(&stage, text).await;
        published_once(&sim, &stage, post, text).await;
    }
    sim.plan(Rule::once("pinterest", CREATE, Fault::DropAfterCommit));
    let post = pin(&stage, "three").await;
    published_once(&sim, &stage, post, "three").await;
    assert_eq!((sim.calls(CREATE), sim.calls(LOOK)), (3, 1));
}

#[tokio::test]
async fn a_lost_pin_is_found_behind_many_that_are_older() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    set(&sim, &json!({"oldest_first": true, "old_pins": 260}));
    sim.plan(Rule::once("pinterest", CREATE, Fault::DropAfterCommit));
    let post = pin(&stage, "at the end").await;
    published_once(&sim, &stage, post, "at the end").await;
    assert_eq!(sim.calls(CREATE), 1);
    // where the newest come first, what is older is not read
    set(&sim, &json!({"oldest_first": false}));
    let looks = sim.calls(LOOK);
    sim.plan(Rule::once("pinterest", CREATE, Fault::DropAfterCommit));
    let post = pin(&stage, "at the beginning").await;
    published_once(&sim, &stage, post, "at the beginning").await;
    assert_eq!((sim.calls(CREATE), sim.calls(LOOK) - looks <= 2), (2, true));
}

#[tokio::test]
async fn what_is_not_shown_yet_is_not_sent_again() {
    let sim = usual::what_is_shown_late_is_waited_for(COURSE, LOOK).await;
    assert_eq!(sim.calls(CREATE), 1);
}

#[tokio::test]
async fn a_picture_without_a_word_is_asked_about() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    let silent = json!([{"url": IMAGE}]);
    // one that nobody knows of
    sim.plan(Rule::once("pinterest", CREATE, Fault::DropAfterCommit));
    let post = pin_as(&stage, "", &silent, json!({"board_id": "1001"})).await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.ledger().len()), (&json!("unconfirmed"), 1), "{target}");
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("pinterest", CREATE, Fault::HoldAfterCommit));
    let crierd = start(&stage).await;
    let post = pin_as(&stage, "held", &video(), json!({"board_id": "1001"})).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = start(&stage).await;
    published_once(&sim, &stage, post, "held").await;
    assert_eq!((sim.calls(CREATE), sim.calls("media.create")), (1, 1));
}

#[tokio::test]
async fn a_limit_lasts_as_long_as_pinterest_says() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    for (seconds, action) in [(600.0, "publish"), (7_200.0, "*")] {
        sim.plan(Rule::once("pinterest", CREATE, Fault::RateLimited).seconds(seconds));
        let text = format!("after {seconds} seconds");
        let post = pin(&stage, &text).await;
        let target = waits(&stage, post, "rate_limited").await;
        assert_eq!(target["error"]["code"], "8", "{target}");
        let block =
            "SELECT coalesce(action, '*'), round(extract(epoch FROM until - now()) / 60) FROM crier.blocks";
        let expected = format!("{action}|{}", seconds / 60.0);
        wait_until("the block", expected, async || stage.sql.text(block).await).await;
        let before = sim.calls(CREATE);
        backdoor::make_retries_due(&stage.sql).await;
        assert_eq!(sim.calls(CREATE), before, "expected the account to be left alone");
        let unblock = "SELECT crier.unblock_account($1), crier.unblock_account($1, 'publish')";
        stage.sql.rows(unblock, &[&stage.account]).await;
        published_once(&sim, &stage, post, &text).await;
    }
}

#[tokio::test]
async fn an_expired_token_is_renewed_and_so_is_the_refresh_token() {
    let (sim, stage) = simulated().await;
    sim.be_strict();
    let _crierd = start(&stage).await;
    for (text, refreshes) in [("after a refresh", 1), ("after another", 2)] {
        sim.platform("pinterest").expire(HANDLE);
        let post = pin(&stage, text).await;
        let target = published_once(&sim, &stage, post, text).await;
        assert_eq!((&target["attempts"], sim.calls(REFRESH)), (&json!(1), refreshes), "{target}");
    }
    let ends =
        "SELECT expires_at - now() BETWEEN interval '29 days' AND interval '30 days' FROM crier.credential";
    assert_eq!(stage.sql.text(ends).await, "t", "expected the database to know when the token ends");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn pins_wait_while_the_grant_is_taken_away() {
    let (sim, stage) = simulated().await;
    sim.platform("pinterest").revoke(HANDLE);
    let _crierd = start(&stage).await;
    let post = pin(&stage, "kept").await;
    let target = waits(&stage, post, "auth_revoked").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required", "{target}");
    assert!(sim.ledger().is_empty());
    let anew = "second-access:second-refresh";
    sim.add_account("pinterest", HANDLE, anew);
    let server = sim.url_of("pinterest");
    stage.deployment.add_account_on("pinterest", stage.workspace, HANDLE, &server, anew);
    published_once(&sim, &stage, post, "kept").await;
}

#[tokio::test]
async fn the_tokens_of_another_account_are_refused() {
    let (sim, stage) = simulated().await;
    let (server, workspace) = (sim.url_of("pinterest"), stage.workspace.to_string());
    let head = ["account", "add", "pinterest", "--workspace", &workspace, "--server", &server, "--handle"];
    for (handle, tokens, why) in
        [("bob", TOKENS, "is of alice"), (HANDLE, "another-canary", "Authentication")]
    {
        let printed = stage.deployment.run(&[&head[..], &[handle]].concat(), &format!("{tokens}\n"));
        assert!(!printed.status.success() && printed.stderr.contains(why), "{printed:?}");
        assert!(!printed.stderr.contains("canary"), "{printed:?}");
    }
    // nothing could be looked for
    for withheld in ["boards:read", "pins:read"] {
        set(&sim, &json!({ "withheld": [withheld] }));
        let printed = stage.deployment.run(&[&head[..], &[HANDLE]].concat(), &format!("{TOKENS}\n"));
        assert!(!printed.status.success() && printed.stderr.contains(withheld), "{printed:?}");
    }
}

#[tokio::test]
async fn what_pinterest_would_refuse_is_refused_before() {
    let (sim, stage) = simulated().await;
    let image = json!([{"url": IMAGE}]);
    for (content, media, settings) in [
        ("'hi'", &image, json!({})),
        ("'hi'", &image, json!({"board_id": "desk"})),
        ("'hi'", &image, json!({"board_id": "1001", "title": "t".repeat(101)})),
        ("repeat('x', 801)", &image, json!({"board_id": "1001"})),
        ("'hi'", &json!([]), json!({"board_id": "1001"})),
        (
            "'hi'",
            &json!([{"url": IMAGE}, {"url": "https://media.example/a.mp4"}]),
            json!({"board_id": "1001"}),
        ),
    ] {
        let post = format!(
            "SELECT crier.create_post('{}', {content}, ARRAY['{}'::uuid], media => '{media}', settings => '{}')",
            stage.workspace,
            stage.account,
            json!({ "pinterest": settings })
        );
        let refusal = stage.sql.refusal(&post).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "content_invalid"),
            "{refusal}"
        );
    }
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn a_board_that_is_gone_ends_the_post() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    set(&sim, &json!({"delete_board": "1002"}));
    let post = pin_as(&stage, "nowhere", &json!([{"url": IMAGE}]), json!({"board_id": "1002"})).await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(
        (&target["error"]["class"], &target["error"]["code"]),
        (&json!("target_missing"), &json!("40"))
    );
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn a_video_is_waited_for() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    set(&sim, &json!({"processing_seconds": 2.5}));
    let post = pin_as(&stage, "slow", &video(), json!({"board_id": "1001", "cover_second": 1})).await;
    let target = published_once(&sim, &stage, post, "slow").await;
    assert_eq!((&target["attempts"], sim.calls("media.create")), (&json!(1), 1), "{target}");
    assert!(sim.calls("media.get") >= 2);

    set(&sim, &json!({"processing_seconds": 0, "processing_fails": true}));
    let post = pin_as(&stage, "odd", &video(), json!({"board_id": "1001"})).await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(target["error"]["class"], "content_invalid", "{target}");
}

#[tokio::test]
async fn a_video_that_pinterest_has_forgotten_is_uploaded_again() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    sim.plan(Rule::once("pinterest", CREATE, Fault::RateLimited).seconds(600.0));
    let post = pin_as(&stage, "late", &video(), json!({"board_id": "1001"})).await;
    waits(&stage, post, "rate_limited").await;
    set(&sim, &json!({"forget_uploads": true}));
    stage.sql.rows("SELECT crier.unblock_account($1, 'publish')", &[&stage.account]).await;
    published_once(&sim, &stage, post, "late").await;
    assert_eq!(sim.calls("media.create"), 2);
}

#[tokio::test]
async fn a_video_goes_to_no_private_address() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    set(&sim, &json!({"upload_url": "https://10.0.0.1/up"}));
    let post = pin_as(&stage, "", &video(), json!({"board_id": "1001"})).await;
    waits(&stage, post, "transient").await;
    assert_eq!((sim.calls("media.upload"), sim.calls(CREATE)), (0, 0));
    set(&sim, &json!({"upload_url": null}));
    published_once(&sim, &stage, post, "").await;
}

/// Waits until an action has come to its end.
async fn action(stage: &Stage, id: Uuid) -> Value {
    wait_for("the action to come to an end", SOON, async || {
        backdoor::make_retries_due(&stage.sql).await;
        let action: Value = stage.sql.value("SELECT crier.get_action($1)", &[&id]).await;
        if ["done", "failed"].iter().any(|state| action["state"] == *state) {
            Ok(action)
        } else {
            Err(action)
        }
    })
    .await
}

#[tokio::test]
async fn figures_are_read_and_a_pin_is_taken_back() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    let post = pin(&stage, "regretted").await;
    let target = published_once(&sim, &stage, post, "regretted").await;
    let id: Uuid = target["id"].as_str().expect("an id").parse().expect("a UUID");
    let _: Uuid = stage.sql.value("SELECT crier.read_metrics($1)", &[&id]).await;
    let figures = wait_for("the figures", SOON, async || {
        let metrics = stage.target(post).await["metrics"].clone();
        if metrics.is_null() { Err(metrics) } else { Ok(metrics) }
    })
    .await;
    assert_eq!(
        ["views", "likes", "replies", "shares"].map(|name| figures[name].clone()),
        [20, 10, 2, 4].map(Value::from)
    );
    // twice, because the first answer is lost
    sim.plan(Rule::once("pinterest", "pins.delete", Fault::DropAfterCommit));
    let delete: Uuid = stage.sql.value("SELECT crier.delete_published($1)", &[&id]).await;
    assert_eq!(action(&stage, delete).await["state"], "done");
    assert!(sim.platform("pinterest").timeline().is_empty());
    for what in ["like", "follow", "send_dm"] {
        let refusal =
            stage.sql.refusal(&format!("SELECT crier.act('{}', '{what}', '8', 'hi')", stage.account)).await;
        assert_eq!(refusal.detail, "unsupported", "{what}: {refusal}");
    }
}

#[tokio::test]
async fn an_account_is_connected_and_publishes() {
    let test = Connecting::on(Database::shared().await).await;
    let id = test.person("pinterest", HANDLE);
    let _crierd = test.start().await;
    let page = test.log_in("pinterest", None, None).await;
    let account = test.connected(&page)[0];
    assert_eq!(test.account(account).await, "pinterest alice active 1 t");
    assert_eq!(test.sql.text("SELECT external_id FROM crier.social_account").await, id);
    let sql = "SELECT crier.create_post($1, 'connected', ARRAY[$2::uuid], media => $3, settings => $4)";
    let (media, settings) = (json!([{"url": IMAGE}]), json!({"pinterest": {"board_id": "1001"}}));
    let post: Uuid = test.owner.value(sql, &[&test.workspace, &account, &media, &settings]).await;
    wait_for("the post to be published", SOON, async || {
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        if shown["targets"][0]["state"] == "published" { Ok(()) } else { Err(shown) }
    })
    .await;
    assert_eq!(test.sim.visible("connected").len(), 1);

    // all of it is needed
    test.consent("pinterest", &json!({"approve_as": HANDLE, "withhold": ["pins:write"]}));
    let page = test.log_in("pinterest", None, Some(account)).await;
    assert!(page.url.as_str().contains("crier_error"), "{page:?}");
    assert_eq!(test.account(account).await, "pinterest alice active 1 t");
}

#[tokio::test]
async fn no_order_of_faults_loses_a_pin_or_doubles_it() {
    let orders = |flow: &[String]| {
        let looks = behind(CREATE, &[Fault::DropBeforeCommit, Fault::DropAfterCommit], LOOK);
        [singles_and_some_pairs(flow), looks, behind(CREATE, &[Fault::ExpiredToken], REFRESH)].concat()
    };
    hold(COURSE, orders).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_a_video_or_doubles_it() {
    hold(VIDEO_COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database() {
    hold_at_the_database(COURSE).await;
}

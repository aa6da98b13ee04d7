//! `crierd post`.

use crier_tests::cluster::Database;
use crier_tests::sim::Sim;
use crier_tests::stage::Stage;
use serde_json::json;
use uuid::Uuid;

use super::Desk;

#[tokio::test]
async fn what_is_posted_from_a_shell_is_published() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let _crierd = stage.deployment.start().await;
    let printed = stage.deployment.run(
        &["post", "-", "--to", "@alice.test", "--at", "now", "--zone", "UTC"],
        "From standard input,\nwith two lines\n",
    );
    assert!(printed.status.success(), "{printed:?}");
    let id: Uuid = printed.stdout.lines().next().and_then(|id| id.parse().ok()).expect("an id");
    stage.published(id).await;
    let ledger = sim.ledger();
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].text, "From standard input,\nwith two lines");
}

#[tokio::test]
async fn a_post_says_when_and_where() {
    let desk = Desk::new().await;
    let (alice, bob) = (desk.alice, desk.bob);
    let bob_id = bob.to_string();
    let printed = desk.run(
        &[
            "post",
            "Hello",
            "--to",
            "bluesky:alice.test",
            &bob_id,
            "--at",
            "2030-12-02 09:00",
            "--zone",
            "Europe/Berlin",
            "--tag",
            "launch",
            "--tag",
            "two words",
            "--media",
            "https://a.example/1.png",
            "--alt",
            "A cat",
            "--media",
            "https://a.example/2.png",
        ],
        "",
    );
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(
        lines[1..],
        [
            "scheduled: Mon 2030-12-02 09:00 +01:00 (Europe/Berlin), 2030-12-02T08:00:00Z".to_owned(),
            format!("  bluesky:alice.test ({alice})"),
            format!("  bluesky:bob.test ({bob})"),
        ]
    );
    let post = desk.made(&printed).await;
    assert_eq!(post["content"], "Hello");
    assert_eq!(post["workspace_id"], desk.workspace.to_string());
    assert_eq!(post["accounts"], json!([alice, bob]));
    assert_eq!(post["tags"], json!(["launch", "two words"]));
    assert_eq!(
        post["media"],
        json!([
            { "url": "https://a.example/1.png", "alt": "A cat" },
            { "url": "https://a.example/2.png", "alt": "" },
        ])
    );
    let due: String =
        desk.sql.value("SELECT DISTINCT (due_at AT TIME ZONE 'UTC')::text FROM crier.post_target", &[]).await;
    assert_eq!(due, "2030-12-02 08:00:00");

    // the night on which the clocks go forward
    let printed = desk
        .run(&["post", "Hi", "--to", "bob.test", "--at", "2030-03-31 02:30", "--zone", "Europe/Berlin"], "");
    assert!(printed.contains("scheduled: Sun 2030-03-31 03:00 +02:00"), "{printed}");
    assert!(printed.contains("note: the clocks of Europe/Berlin skip 2030-03-31 02:30"), "{printed}");
}

#[tokio::test]
async fn each_account_has_its_next_slot() {
    let desk = Desk::new().await;
    let post = ["post", "Hi", "--to", "alice.test", "bob.test", "--next-slot", "--zone", "Europe/Berlin"];
    let post = [&post[..], &["--at", "2030-12-02 09:30"]].concat();
    for (account, slots) in
        [(desk.alice, r#"{"mon": ["09:00", "17:30"]}"#), (desk.bob, r#"{"wed": ["08:00"]}"#)]
    {
        desk.sql.text(&format!("SELECT crier.set_slots('{account}', 'Europe/Berlin', '{slots}')")).await;
    }
    let (alice, bob) = (desk.alice, desk.bob);
    let expected = |first: &str, second: &str| {
        [
            "scheduled".to_owned(),
            format!("  bluesky:alice.test ({alice}), {first}"),
            format!("  bluesky:bob.test ({bob}), {second}"),
        ]
    };
    let printed = desk.run(&post, "");
    assert_eq!(
        printed.lines().skip(1).collect::<Vec<_>>(),
        expected(
            "Mon 2030-12-02 17:30 +01:00 (Europe/Berlin), 2030-12-02T16:30:00Z",
            "Wed 2030-12-04 08:00 +01:00 (Europe/Berlin), 2030-12-04T07:00:00Z"
        )
    );
    let printed = desk.run(&post, "");
    assert!(
        printed.contains("Mon 2030-12-09 09:00") && printed.contains("Wed 2030-12-11 08:00"),
        "{printed}"
    );
    let shown = desk.run(&["calendar", "--from", "2030-12-02", "--zone", "Europe/Berlin"], "");
    assert!(shown.contains("  17:30 ○ bluesky:alice.test  Hi\n"), "{shown}");
    assert!(shown.contains("  08:00 ○ bluesky:bob.test    Hi\n"), "{shown}");
}

#[tokio::test]
async fn a_draft_waits_and_a_dry_run_makes_nothing() {
    let desk = Desk::new().await;
    let printed = desk.run(&["post", "Maybe", "--to", "alice.test,bob.test", "--draft"], "");
    assert!(printed.lines().nth(1) == Some("draft"), "{printed}");
    let post = desk.made(&printed).await;
    assert_eq!((&post["stage"], &post["scheduled_at"]), (&json!("draft"), &json!(null)));

    let printed = desk
        .run(&["post", "Hi", "--to", "alice.test", "--at", "in 2 hours", "--zone", "UTC", "--dry-run"], "");
    assert!(printed.starts_with("nothing was made") && printed.contains("scheduled: "), "{printed}");
    // it is checked as if it were one
    let long = "x".repeat(301);
    let refusal = desk.refused(&["post", &long, "--to", "alice.test", "--at", "now", "--dry-run"], "");
    assert!(refusal.contains("301") && refusal.contains("300"), "{refusal}");
    assert_eq!(desk.posts().await, 1);
}

#[tokio::test]
async fn a_workspace_whose_posts_need_approval_gets_one_to_review() {
    let desk = Desk::new().await;
    desk.sql.text(&format!("SELECT crier.set_approval('{}', 'admin')", desk.workspace)).await;
    let printed =
        desk.run(&["post", "Hi", "--to", "alice.test", "--at", "2030-12-02 09:00", "--zone", "UTC"], "");
    assert!(printed.contains("\nin review: Mon 2030-12-02 09:00 +00:00 (UTC)"), "{printed}");
    assert_eq!(desk.made(&printed).await["stage"], "in_review");
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_made() {
    let desk = Desk::new().await;
    let refusal = |arguments: &[&str]| desk.refused(&[&["post", "Hi"], arguments].concat(), "");
    let to_alice = |arguments: &[&str]| refusal(&[&["--to", "alice.test"], arguments].concat());
    for (refusal, part) in [
        (refusal(&["--to", "nobody.test", "--at", "now"]), "there is no account \"nobody.test\""),
        (
            refusal(&["--to", "mastodon:alice.test", "--at", "now"]),
            "there is no account \"mastodon:alice.test\"",
        ),
        (to_alice(&["--at", "2020-01-01 09:00"]), "has passed: it was Wed 2020-01-01 09:00"),
        (to_alice(&["--at", "someday"]), "\"someday\" is not understood; write for instance"),
        (to_alice(&["--at", "tomorrow"]), "says no time of day"),
        (to_alice(&["--at", "now", "--zone", "berlin"]), "perhaps Europe/Berlin?"),
        (to_alice(&["--at", "9999-01-01 00:00"]), "scheduled_at"),
        (to_alice(&["--at", "now", "--media", "ftp://a.example/1"]), "ftp://a.example/1"),
        (to_alice(&["--at", "now", "--workspace", &Uuid::nil().to_string()]), "no account \"alice.test\""),
    ] {
        assert!(refusal.contains(part), "expected {part:?} in {refusal}");
    }
    let usage = desk.try_run(&["post", "Hi", "--to", "alice.test"], "");
    assert!(usage.status.code() == Some(2) && usage.stderr.contains("--at"), "{usage:?}");
    let usage = desk.try_run(&["post", "Hi", "--to", "alice.test", "--at", "now", "--alt", "x"], "");
    assert!(usage.status.code() == Some(2) && usage.stderr.contains("before every --media"), "{usage:?}");
    assert_eq!(desk.posts().await, 0);
}

#[tokio::test]
async fn a_name_that_two_workspaces_have_needs_one_of_them() {
    let desk = Desk::new().await;
    let (other, _) = desk.another().await;
    let arguments = ["post", "Hi", "--at", "2030-12-02 09:00", "--zone", "UTC", "--to", "alice.test"];
    let refusal = desk.refused(&arguments, "");
    assert!(refusal.contains("2 workspaces have alice.test: name one with --workspace"), "{refusal}");
    let workspace = other.to_string();
    let printed = desk.run(&[&arguments[..], &["--workspace", &workspace]].concat(), "");
    assert_eq!(desk.made(&printed).await["workspace_id"], workspace);
    // the other name tells
    let printed = desk.run(&[&arguments[..], &["bob.test"]].concat(), "");
    assert_eq!(desk.made(&printed).await["workspace_id"], desk.workspace.to_string());
    // two accounts of one name in one workspace
    let again = crier_tests::stage::dummy_account(&desk.sql, other, "alice.test").await;
    let refusal = desk.refused(&[&arguments[..], &["--workspace", &workspace]].concat(), "");
    assert!(refusal.contains("2 accounts are called") && refusal.contains(&again.to_string()), "{refusal}");
    desk.sql.text(&format!("SELECT crier.delete_workspace('{other}')")).await;
    let printed = desk.run(&arguments, "");
    assert_eq!(desk.made(&printed).await["workspace_id"], desk.workspace.to_string());
}

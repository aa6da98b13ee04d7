//! The calendar of a workspace: what is planned in a span, in its order, and nothing else.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Desk;

impl Desk {
    /// The posts of the days from `from` to `to`, counted from now.
    async fn calendar(&self, from: i32, to: i32, more: &str) -> Vec<Uuid> {
        let sql = format!(
            "SELECT post_id FROM crier.calendar('{}', now() + interval '{from} days', now() + interval '{to} days'{more})",
            self.workspace
        );
        self.sql.column(&sql, &[]).await
    }
}

#[tokio::test]
async fn it_has_what_lies_in_the_span_in_the_order_of_time() {
    let desk = Desk::new().await;
    let later = desk.post(", now() + interval '3 days'").await;
    let sooner = desk.post(", now() + interval '1 day'").await;
    let draft = desk.post(", now() + interval '2 days', draft => true").await;
    desk.post(", NULL, draft => true").await;
    let due = desk.post("").await;
    let deleted = desk.post(", now() + interval '2 days'").await;
    desk.sql.run(&format!("SELECT * FROM crier.delete_post('{deleted}')")).await;
    // one that is out stays as a row when it is deleted
    let gone = desk.post("").await;
    desk.put(gone, desk.alice, "published").await;
    desk.sql.run(&format!("SELECT * FROM crier.delete_post('{gone}')")).await;
    assert_eq!(desk.calendar(-1, 7, "").await, [due, sooner, draft, later]);
    assert_eq!(desk.calendar(1, 3, "").await, [draft, later], "the times are before those of the question");
    assert_eq!(desk.calendar(4, 90, "").await, [] as [Uuid; 0]);
    // from its time on, and before the end
    let edges: Vec<Uuid> = desk
        .sql
        .column(
            "SELECT c.post_id FROM crier.post p, crier.calendar(p.workspace_id, p.scheduled_at, p.scheduled_at + interval '1 day') c \
             WHERE p.id = $1 UNION ALL \
             SELECT c.post_id FROM crier.post p, crier.calendar(p.workspace_id, p.scheduled_at - interval '1 minute', p.scheduled_at) c \
             WHERE p.id = $1",
            &[&later],
        )
        .await;
    assert_eq!(edges, [later]);
    desk.sql.run(&format!("SELECT crier.set_approval('{}', 'admin')", desk.workspace)).await;
    let reviewed = desk.post(", now() + interval '4 days'").await;
    assert_eq!(desk.calendar(2, 7, "").await, [later, reviewed]);
    let states = format!(
        "SELECT string_agg(state, ' ' ORDER BY due_at) FROM crier.calendar('{}', now() - interval '1 day', now() + interval '7 days')",
        desk.workspace
    );
    assert_eq!(desk.sql.text(&states).await, "scheduled scheduled draft scheduled in_review");
}

#[tokio::test]
async fn each_post_is_shown_with_its_accounts() {
    let desk = Desk::new().await;
    let sql = "SELECT crier.create_post($1, repeat('ä', 250), ARRAY[$2::uuid, $3], now() + interval '1 minute', tags => '{b,a}', \
               thread => '[\"more\"]')";
    let id: Uuid = desk.sql.value(sql, &[&desk.workspace, &desk.bob, &desk.alice]).await;
    desk.put(id, desk.alice, "published").await;
    desk.sql
        .run(&format!("UPDATE crier.post_target SET url = 'https://x.test/' WHERE state = 'published' AND post_id = '{id}'"))
        .await;
    let only_bob = format!(
        "SELECT crier.create_post('{}', 'draft', ARRAY['{}'::uuid], now() + interval '1 hour', draft => true)",
        desk.workspace, desk.bob
    );
    let draft: Uuid = desk.sql.text(&only_bob).await.parse().expect("an id");
    let of = |more: &str| {
        format!(
            "SELECT to_jsonb(c) FROM crier.calendar('{}', now(), now() + interval '1 day'{more}) c",
            desk.workspace
        )
    };
    let rows: Vec<Value> = desk.sql.column(&of(""), &[]).await;
    let (post, second) = (&rows[0], &rows[1]);
    assert_eq!(post["content"], "ä".repeat(200));
    assert_eq!(
        (&post["tags"], &post["media"], &post["state"]),
        (&json!(["a", "b"]), &json!(0), &json!("publishing"))
    );
    let accounts = post["accounts"].as_array().expect("accounts");
    let handles: Vec<&Value> = accounts.iter().map(|account| &account["handle"]).collect();
    assert_eq!(handles, ["bob.test", "alice.test"], "expected the order of the post");
    assert_eq!(
        (&accounts[0]["state"], &accounts[0]["url"], &accounts[0]["platform"]),
        (&json!("scheduled"), &Value::Null, &json!("bluesky"))
    );
    // its first part is out, and the second waits
    assert_eq!(
        (&accounts[1]["state"], &accounts[1]["url"]),
        (&json!("partly_published"), &json!("https://x.test/"))
    );
    assert_eq!(accounts[1]["due_at"], post["due_at"]);
    assert_eq!(second["post_id"], draft.to_string());
    assert_eq!((&second["accounts"][0]["state"], &second["accounts"][1]), (&json!("draft"), &Value::Null));
    // of one account, drafts included
    assert_eq!(desk.calendar(0, 1, &format!(", '{}'", desk.alice)).await, [id]);
    assert_eq!(desk.calendar(0, 1, &format!(", '{}'", desk.bob)).await, [id, draft]);
    assert_eq!(desk.calendar(0, 1, ", gen_random_uuid()").await, [] as [Uuid; 0]);
}

#[tokio::test]
async fn it_is_bounded_and_only_reads() {
    let desk = Desk::new().await;
    let many = "INSERT INTO crier.post (workspace_id, id, content, media, settings, scheduled_at, accounts) \
                SELECT $1, crier.new_id(), 'x', '[]', '{}', now() + make_interval(secs => n), ARRAY[CASE WHEN n % 2 = 0 THEN $2::uuid ELSE $3 END] \
                FROM generate_series(2500, 1, -1) n";
    desk.sql.rows(many, &[&desk.workspace, &desk.alice, &desk.bob]).await;
    let first = "SELECT array_agg(id ORDER BY scheduled_at) = ARRAY(SELECT c.post_id FROM crier.calendar('WS', now() - interval '1 day', now() + interval '1 day'ACC) c) \
                 FROM (SELECT * FROM crier.post WHERE WHICH ORDER BY scheduled_at LIMIT 1000) p"
        .replace("WS", &desk.workspace.to_string());
    let all = first.replace("ACC", "").replace("WHICH", "true");
    assert_eq!(desk.sql.text(&all).await, "t");
    let one = first
        .replace("ACC", &format!(", '{}'", desk.alice))
        .replace("WHICH", &format!("accounts = ARRAY['{}'::uuid]", desk.alice));
    assert_eq!(desk.sql.text(&one).await, "t");
    desk.sql.run("BEGIN READ ONLY").await;
    assert_eq!(desk.sql.text(&all).await, "t");
    assert_eq!(desk.sql.text("SELECT pg_current_xact_id_if_assigned()").await, "∅");
    desk.sql.run("COMMIT").await;
}

#[tokio::test]
async fn a_span_with_too_much_to_look_through_says_so() {
    let desk = Desk::new().await;
    let many = "INSERT INTO crier.post (workspace_id, id, content, media, settings, scheduled_at, accounts) \
                SELECT $1, crier.new_id(), 'x', '[]', '{}', now() + make_interval(secs => n), ARRAY[$2::uuid] FROM generate_series(1, 100100) n";
    desk.sql.rows(many, &[&desk.workspace, &desk.alice]).await;
    let of_bob = format!(
        "SELECT * FROM crier.calendar('{}', now(), now() + interval '9 days', '{}')",
        desk.workspace, desk.bob
    );
    let refused = desk.sql.refusal(&of_bob).await;
    assert!(refused.message.contains("has 100000 posts of all accounts in its first 1 days"), "{refused:?}");
    assert_eq!(desk.sql.text(&of_bob.replace("9 days", "1 day")).await, "");
}

//! Drafts, edits, another time, another try, and the end of a post.

use serde_json::json;

use super::Desk;

#[tokio::test]
async fn a_draft_may_be_unfinished_and_is_not_published() {
    let desk = Desk::new().await;
    let long = "x".repeat(400);
    let sql =
        format!("SELECT crier.create_post('{}', '{long}', '{{}}', NULL, draft => true)", desk.workspace);
    let id = desk.sql.text(&sql).await.parse().expect("an id");
    assert_eq!((desk.state(id).await, desk.targets(id).await), ("draft".to_owned(), String::new()));
    let draft = desk.get(id).await;
    assert_eq!((&draft["scheduled_at"], &draft["accounts"]), (&json!(null), &json!([])));
    let refused = desk.sql.refusal(&format!("SELECT crier.submit_post('{id}')")).await;
    assert!(refused.message.contains("accounts must not be empty"), "{refused:?}");
    desk.sql
        .run(&format!("SELECT * FROM crier.update_post('{id}', accounts => ARRAY['{}'::uuid])", desk.alice))
        .await;
    let refused = desk.sql.refusal(&format!("SELECT crier.submit_post('{id}')")).await;
    assert_eq!(refused.detail, "content_invalid", "{refused:?}");
    desk.sql.run(&format!("SELECT * FROM crier.update_post('{id}', 'short')")).await;
    assert_eq!(desk.sql.text(&format!("SELECT crier.submit_post('{id}')")).await, "scheduled");
    assert_eq!(desk.targets(id).await, "alice.test|0|scheduled|t");
    let again = desk.sql.refusal(&format!("SELECT crier.submit_post('{id}')")).await;
    assert!(again.message.contains("is scheduled, not a draft"), "{again:?}");
}

#[tokio::test]
async fn an_edit_changes_what_is_not_out_and_nothing_else() {
    let desk = Desk::new().await;
    let id = desk.post(", now() + interval '10 minutes', tags => '{news}'").await;
    desk.put(id, desk.alice, "published").await;
    let edited =
        format!("SELECT state FROM crier.update_post('{id}', 'another text', first_comment => 'and this')");
    assert_eq!(desk.sql.text(&edited).await, "published\nscheduled\nwaiting");
    assert_eq!(
        desk.targets(id).await,
        "alice.test|0|published|t\nbob.test|0|scheduled|t\nbob.test|1|waiting|f"
    );
    // what alice published reads as it did
    let texts =
        format!("SELECT content, media FROM crier.post_target WHERE post_id = '{id}' ORDER BY id LIMIT 1");
    assert_eq!(desk.sql.text(&texts).await, "a text|[]");
    assert_eq!(desk.get(id).await["content"], "another text");
    // one job each, and the one before is no more
    assert_eq!(desk.jobs().await, 2);
    let refused = desk
        .sql
        .refusal(&format!("SELECT * FROM crier.update_post('{id}', accounts => ARRAY['{}'::uuid])", desk.bob))
        .await;
    assert!(refused.message.contains("leave out account"), "{refused:?}");
    desk.put(id, desk.bob, "committing").await;
    let edit = format!("SELECT * FROM crier.update_post('{id}', 'too late')");
    let refused = desk.sql.refusal(&edit).await;
    assert!(refused.message.contains("is being sent"), "{refused:?}");
    desk.put(id, desk.bob, "published").await;
    let refused = desk.sql.refusal(&edit).await;
    assert!(refused.message.contains("is out already"), "{refused:?}");
    assert_eq!(desk.get(id).await["content"], "another text");
    // tags are nobody's but ours
    desk.sql.run(&format!("SELECT * FROM crier.update_post('{id}', tags => '{{news,late}}')")).await;
    assert_eq!(desk.get(id).await["tags"], json!(["late", "news"]));
}

#[tokio::test]
async fn accounts_and_variants_come_and_go() {
    let desk = Desk::new().await;
    let variants = format!(
        ", now() + interval '2 hours', variants => '{{\"{}\": {{\"content\": \"for bob\"}}}}'",
        desk.bob
    );
    let id = desk.post(&variants).await;
    let contents =
        format!("SELECT content, settings FROM crier.post_target WHERE post_id = '{id}' ORDER BY id");
    assert_eq!(desk.sql.text(&contents).await, "∅|∅\nfor bob|∅");
    let only_bob = format!(
        "SELECT * FROM crier.update_post('{id}', accounts => ARRAY['{}'::uuid], split => true)",
        desk.bob
    );
    desk.sql.run(&only_bob).await;
    assert_eq!(desk.targets(id).await, "bob.test|0|scheduled|f");
    let refused = desk
        .sql
        .refusal(&format!(
            "SELECT * FROM crier.update_post('{id}', accounts => ARRAY['{}'::uuid])",
            desk.alice
        ))
        .await;
    assert!(refused.message.contains("which is no account of the post"), "{refused:?}");
    let long = "word ".repeat(100);
    let variant = json!({ desk.bob.to_string(): {"content": long, "settings": {"langs": ["en"]}} });
    desk.sql.rows("SELECT * FROM crier.update_post($1, variants => $2)", &[&id, &variant]).await;
    assert_eq!(desk.targets(id).await, "bob.test|0|scheduled|f\nbob.test|1|waiting|f");
    for bad in
        ["[]", "{\"x\": {}}", "{\"BOB\": {\"text\": \"\"}}", "{\"BOB\": {\"settings\": []}}", "{\"BOB\": 1}"]
    {
        let bad = bad.replace("BOB", &desk.bob.to_string());
        let sql = format!("SELECT * FROM crier.update_post('{id}', variants => '{bad}')");
        let refused = desk.sql.refusal(&sql).await;
        assert_eq!(
            (refused.code.as_str(), refused.detail.as_str()),
            ("22023", "invalid_argument"),
            "{bad}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn another_time_moves_everything_that_is_not_out() {
    let desk = Desk::new().await;
    let id = desk.post(", now() + interval '10 minutes', thread => '[\"and on\"]'").await;
    desk.put(id, desk.alice, "failed").await;
    let moved = format!("SELECT state FROM crier.reschedule_post('{id}', now() + interval '3 days')");
    assert_eq!(desk.sql.text(&moved).await, "scheduled\nwaiting\nscheduled\nwaiting");
    let none =
        "alice.test|0|scheduled|f\nalice.test|1|waiting|f\nbob.test|0|scheduled|f\nbob.test|1|waiting|f";
    assert_eq!((desk.targets(id).await.as_str(), desk.jobs().await), (none, 0));
    desk.sql.run(&format!("SELECT * FROM crier.cancel_post('{id}')")).await;
    assert_eq!(desk.state(id).await, "canceled");
    // what was canceled may be planned again, and is due
    desk.sql.run(&format!("SELECT * FROM crier.reschedule_post('{id}')")).await;
    let due =
        "alice.test|0|scheduled|t\nalice.test|1|waiting|f\nbob.test|0|scheduled|t\nbob.test|1|waiting|f";
    assert_eq!((desk.targets(id).await.as_str(), desk.jobs().await), (due, 2));
    desk.put(id, desk.alice, "published").await;
    desk.put(id, desk.bob, "unconfirmed").await;
    let late = format!("SELECT state FROM crier.reschedule_post('{id}', now() + interval '1 day')");
    assert_eq!(desk.sql.text(&late).await, "published\nscheduled\nunconfirmed\nwaiting");
    let kinds = "SELECT DISTINCT kind FROM crier.events WHERE post_id IS NOT NULL ORDER BY 1";
    assert_eq!(desk.sql.text(kinds).await, "post_canceled\npost_rescheduled");
}

#[tokio::test]
async fn what_failed_is_tried_again_and_nothing_else() {
    let desk = Desk::new().await;
    let id = desk.post("").await;
    let refused = desk.sql.refusal(&format!("SELECT * FROM crier.retry_post('{id}')")).await;
    assert!(refused.message.contains("has nothing that failed"), "{refused:?}");
    let claim = "SELECT job_id, token FROM crier.claim_jobs('a test', 10)";
    let claimed = desk.sql.rows(claim, &[]).await;
    for row in &claimed {
        let (job, token): (uuid::Uuid, i64) = (row.get(0), row.get(1));
        desk.sql.rows("SELECT * FROM crier.start_target($1, $2)", &[&job, &token]).await;
        let report = "SELECT * FROM crier.report_targets(ARRAY[$1::uuid], ARRAY[$2::bigint], ARRAY['content_invalid'], ARRAY['{}'::jsonb])";
        desk.sql.rows(report, &[&job, &token]).await;
    }
    assert_eq!(desk.targets(id).await, "alice.test|0|failed|f\nbob.test|0|failed|f");
    desk.put(id, desk.bob, "canceled").await;
    assert_eq!(
        desk.sql.text(&format!("SELECT state FROM crier.retry_post('{id}')")).await,
        "scheduled\ncanceled"
    );
    assert_eq!(desk.targets(id).await, "alice.test|0|scheduled|t\nbob.test|0|canceled|f");
    // the job that failed lives again only for itself: it publishes nothing
    let old: uuid::Uuid = claimed[0].get(0);
    desk.sql.rows("SELECT crier.retry_jobs(ARRAY[$1::uuid])", &[&old]).await;
    let claimed = desk.sql.rows(claim, &[]).await;
    let mut started = 0;
    for row in &claimed {
        let (job, token): (uuid::Uuid, i64) = (row.get(0), row.get(1));
        started += desk.sql.rows("SELECT * FROM crier.start_target($1, $2)", &[&job, &token]).await.len();
    }
    assert_eq!(started, 1, "of {} jobs", claimed.len());
    assert_eq!(desk.jobs().await, 1);
}

#[tokio::test]
async fn a_deleted_post_is_gone_or_only_off_the_lists() {
    let desk = Desk::new().await;
    let id = desk.post(", now() + interval '1 day'").await;
    assert_eq!(
        desk.sql.text(&format!("SELECT state, action_id FROM crier.delete_post('{id}')")).await,
        "canceled|∅\ncanceled|∅"
    );
    assert_eq!(desk.sql.text("SELECT count(*) FROM crier.post").await, "0");
    let id = desk.post("").await;
    desk.put(id, desk.alice, "committing").await;
    let refused = desk.sql.refusal(&format!("SELECT * FROM crier.delete_post('{id}', true)")).await;
    assert!(refused.message.contains("is being sent"), "{refused:?}");
    desk.put(id, desk.alice, "published").await;
    let deleted = format!("SELECT state, action_id IS NULL FROM crier.delete_post('{id}', true)");
    assert_eq!(desk.sql.text(&deleted).await, "published|f\ncanceled|t");
    assert_eq!(
        desk.sql
            .text("SELECT kind FROM crier.jobs WHERE finished_at IS NULL ORDER BY kind")
            .await
            .lines()
            .next(),
        Some("delete_post")
    );
    assert_eq!(desk.sql.text("SELECT count(*) FROM crier.posts").await, "0");
    assert_eq!(desk.sql.text("SELECT jsonb_array_length(items) FROM crier.list_posts()").await, "0");
    let row = "SELECT count(*) FROM crier.post WHERE deleted_at IS NOT NULL";
    assert_eq!(desk.sql.text(row).await, "1", "expected the row to stay");
    let gone = desk.sql.refusal(&format!("SELECT * FROM crier.reschedule_post('{id}')")).await;
    assert_eq!(gone.code, "P0002");
}

#[tokio::test]
async fn nothing_of_a_deleted_post_is_sent() {
    let desk = Desk::new().await;
    let id = desk.post("").await;
    let claimed = desk.sql.rows("SELECT job_id, token FROM crier.claim_jobs('a test', 10)", &[]).await;
    let jobs: Vec<(uuid::Uuid, i64)> = claimed.iter().map(|row| (row.get(0), row.get(1))).collect();
    for (job, token) in &jobs {
        desk.sql.rows("SELECT * FROM crier.start_target($1, $2)", &[job, token]).await;
    }
    let of =
        |account: uuid::Uuid| format!("SELECT job_id FROM crier.post_target WHERE account_id = '{account}'");
    let (alice, bob) = (desk.sql.text(&of(desk.alice)).await, desk.sql.text(&of(desk.bob)).await);
    // alice's failed; of bob's nobody knows whether it is out
    let token = |id: &str| jobs.iter().find(|(job, _)| job.to_string() == id).expect("the job").1;
    let report = format!(
        "SELECT * FROM crier.report_targets(ARRAY['{alice}'::uuid], ARRAY[{}::bigint], ARRAY['content_invalid'], ARRAY['{{}}'::jsonb])",
        token(&alice)
    );
    desk.sql.run(&report).await;
    desk.sql
        .run("UPDATE crier.post_target SET state = 'unknown', was_unclear = true WHERE state = 'preparing'")
        .await;
    desk.sql.run(&format!("SELECT * FROM crier.delete_post('{id}')")).await;
    assert_eq!(desk.sql.text("SELECT count(*) FROM crier.post WHERE deleted_at IS NOT NULL").await, "1");
    desk.sql.run(&format!("SELECT crier.retry_jobs(ARRAY['{alice}'::uuid])")).await;
    // proven absent: it is not sent again
    let intent = format!("SELECT * FROM crier.record_intent('{bob}', {}, 'key', 'request')", token(&bob));
    assert_eq!(desk.sql.text(&intent).await, "");
    assert_eq!(desk.jobs().await, 0);
    assert_eq!(desk.targets(id).await, "alice.test|0|canceled|f\nbob.test|0|unconfirmed|f");
}

#[tokio::test]
async fn a_duplicate_is_a_post_of_its_own() {
    let desk = Desk::new().await;
    let more = format!(
        ", now(), settings => '{{\"bluesky\": {{\"langs\": [\"en\"]}}}}', thread => '[\"more\"]', first_comment => 'hi', tags => '{{a}}', \
         variants => '{{\"{}\": {{\"content\": \"for bob\"}}}}', priority => 7",
        desk.bob
    );
    let id = desk.post(&more).await;
    let copy: uuid::Uuid = desk.sql.value("SELECT crier.duplicate_post($1)", &[&id]).await;
    let (one, other) = (desk.get(id).await, desk.get(copy).await);
    for field in [
        "content",
        "media",
        "settings",
        "thread",
        "first_comment",
        "split",
        "variants",
        "accounts",
        "priority",
        "tags",
    ] {
        assert_eq!(one[field], other[field], "{field}");
    }
    assert_eq!(other["state"], "draft");
    let planned: uuid::Uuid =
        desk.sql.value("SELECT crier.duplicate_post($1, now() + interval '1 hour 5 minutes')", &[&id]).await;
    let states = "alice.test|0|scheduled|f\nalice.test|1|waiting|f\nalice.test|2|waiting|f\n\
                  bob.test|0|scheduled|f\nbob.test|1|waiting|f\nbob.test|2|waiting|f";
    assert_eq!(desk.targets(planned).await, states);
}

#[tokio::test]
async fn bad_input_changes_nothing() {
    let desk = Desk::new().await;
    let id = desk.post(", now() + interval '1 day'").await;
    let before = desk.get(id).await;
    for (call, code) in [
        ("update_post(NULL)", "22004"),
        ("update_post('ID', accounts => '{}')", "22023"),
        ("update_post('ID', accounts => ARRAY[NULL::uuid])", "22023"),
        ("update_post('ID', accounts => ARRAY[gen_random_uuid()])", "P0002"),
        ("update_post('ID', media => '{}')", "22023"),
        ("update_post('ID', settings => '{\"nowhere\": {}}')", "22023"),
        ("update_post('ID', repeat('x', 400))", "22023"),
        ("update_post('ID', tags => ARRAY[''])", "22023"),
        ("update_post('ID', tags => ARRAY['a', 'a'])", "22023"),
        ("update_post('ID', tags => ARRAY[repeat('x', 101)])", "22023"),
        ("update_post('ID', priority => 101)", "22023"),
        ("update_post(gen_random_uuid(), 'x')", "P0002"),
        ("reschedule_post('ID', NULL)", "22004"),
        ("reschedule_post('ID', 'infinity')", "22023"),
        ("reschedule_post('ID', '-infinity')", "22023"),
        ("reschedule_post('ID', now() - interval '2 days')", "22023"),
        ("reschedule_post('ID', now() + interval '6 years')", "22023"),
        ("delete_post('ID', NULL)", "22004"),
        ("duplicate_post('ID', 'infinity')", "22023"),
        ("approve_post('ID')", "22023"),
        ("reject_post('ID', '')", "22023"),
        ("set_approval(NULL, 'admin')", "22004"),
        ("run_due(0)", "22023"),
        ("run_due(p_ahead => '-1 second')", "22023"),
        ("run_due(p_now => 'infinity')", "22023"),
    ] {
        let sql = format!("SELECT * FROM crier.{}", call.replace("ID", &id.to_string()));
        let refused = desk.sql.refusal(&sql).await;
        assert_eq!(refused.code, code, "{call}: {refused:?}");
        assert!(!refused.detail.is_empty() && !refused.hint.is_empty(), "{call}: {refused:?}");
    }
    assert_eq!(desk.get(id).await, before);
}

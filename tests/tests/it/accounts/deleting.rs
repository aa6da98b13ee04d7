//! A disconnected account leaves nothing planned and nothing secret; what was published with it stays.

use crier_tests::session::Session;
use uuid::Uuid;

use super::{Office, dummy_account, dummy_sealed};

impl Office {
    /// Puts the target of a post with an account where a worker would.
    async fn put(&self, post: Uuid, account: Uuid, set: &str) {
        let sql = format!(
            "UPDATE crier.post_target SET {set} WHERE post_id = '{post}' AND account_id = '{account}' AND part = 0"
        );
        self.sql.run(&sql).await;
    }

    async fn delete_is_refused(&self, because: &str) {
        let refused = self.sql.refusal(&format!("SELECT crier.delete_account('{}')", self.alice)).await;
        let told = (refused.code.as_str(), refused.detail.as_str());
        assert_eq!(told, ("22023", "account_unusable"), "{refused}");
        assert!(refused.message.contains(because), "{because}: {refused}");
        assert_eq!(self.sql.text("SELECT count(*) FROM crier.credential").await, "2");
    }
}

#[tokio::test]
async fn what_is_planned_is_canceled_and_what_is_out_stays() {
    let office = Office::new().await;
    let (both, alone) = ([office.alice, office.bob], [office.alice]);
    let slots = "SELECT crier.set_slots('ID', 'UTC', '{\"mon\": [\"09:00\"]}')";
    office.sql.text(&slots.replace("ID", &office.alice.to_string())).await;
    let due = office.post(&both, ", thread => '[\"and on\"]'").await;
    let later = office.post(&both, ", scheduled_at => now() + interval '3 days'").await;
    let slot = office.post(&alone, ", next_slot => true").await;
    let draft = office.post(&both, ", draft => true, scheduled_at => NULL").await;
    let hers = office.post(&alone, ", draft => true, scheduled_at => NULL").await;
    let out = office.post(&both, "").await;
    office.put(out, office.alice, "state = 'published', published_at = now(), external_id = 'x'").await;
    let jobs = "SELECT crier.cancel_jobs(ARRAY(SELECT job_id FROM crier.post_target WHERE post_id = $1 AND account_id = $2))";
    office.sql.rows(jobs, &[&out, &office.alice]).await;
    office.sql.text(&format!("SELECT crier.act('{}', 'follow', 'carol.test')", office.alice)).await;
    office.call("pause_account", office.alice).await;
    office.call("delete_account", office.alice).await;

    for (post, states) in
        [(due, "canceled canceled"), (later, "canceled"), (slot, "canceled"), (out, "published")]
    {
        assert_eq!(office.states(post, office.alice).await, states);
    }
    assert_eq!(office.states(due, office.bob).await, "scheduled waiting");
    let left = "SELECT (SELECT count(*) FROM crier.credential WHERE account_id = 'ID'), \
                       (SELECT count(*) FROM crier.accounts WHERE id = 'ID'), \
                       (SELECT count(*) FROM crier.slot_booking), (SELECT count(*) FROM crier.limit_block), \
                       (SELECT string_agg(state, ' ') FROM crier.actions)";
    assert_eq!(office.sql.text(&left.replace("ID", &office.alice.to_string())).await, "0|0|0|0|canceled");
    assert!(office.claim().await.iter().all(|account| *account == office.bob));
    // what is out is found and shown as before, and each post tells what happened
    let listed = "SELECT count(*) FROM crier.list_posts(p_account_id => $1) l, jsonb_array_elements(l.items)";
    assert!(office.sql.value::<i64>(listed, &[&office.alice]).await >= 4);
    let handles = "SELECT string_agg(t ->> 'handle', ' ' ORDER BY t ->> 'handle') \
                   FROM jsonb_array_elements(crier.get_post($1) -> 'targets') t";
    assert_eq!(office.sql.value::<String>(handles, &[&out]).await, "alice.test bob.test");
    let told = "SELECT details ->> 'because' FROM crier.post_timeline($1) WHERE kind = 'post_canceled'";
    assert_eq!(office.sql.column::<String>(told, &[&later]).await, ["account_deleted"]);
    let event = "SELECT payload ->> 'handle', payload ->> 'canceled' FROM crier.events WHERE kind = 'account_deleted'";
    assert_eq!(office.sql.text(event).await, "alice.test|4");
    nothing_new_is_done_with_it(&office).await;

    // and the others of its posts go on without it
    let moved = format!("SELECT account_id, state FROM crier.reschedule_post('{later}')");
    assert_eq!(office.sql.text(&moved).await, format!("{}|scheduled", office.bob));
    office.sql.text(&format!("SELECT crier.submit_post('{draft}')")).await;
    assert_eq!(office.states(draft, office.alice).await, "");
    assert_eq!(office.states(draft, office.bob).await, "scheduled");
    office.put(out, office.bob, "state = 'failed'").await;
    office.put(due, office.alice, "state = 'failed'").await;
    office.sql.text(&format!("SELECT crier.retry_post('{due}')")).await;
    assert_eq!(office.states(due, office.alice).await, "failed canceled");
    for call in [format!("submit_post('{hers}')"), format!("duplicate_post('{slot}', now())")] {
        let refused = office.sql.refusal(&format!("SELECT crier.{call}")).await;
        assert!(refused.message.contains("accounts must not be empty"), "{call}: {refused}");
    }
}

async fn nothing_new_is_done_with_it(office: &Office) {
    for call in [
        "create_post('WS', 'x', '{ID}')",
        "delete_account('ID')",
        "pause_account('ID')",
        "rate_limit_status('ID')",
        "act('ID', 'follow', 'carol.test')",
        "begin_connect('WS', 'bluesky', 'https://a.example/', account_id => 'ID')",
    ] {
        let call = call.replace("WS", &office.workspace.to_string());
        let call = call.replace("ID", &office.alice.to_string());
        let refused = office.sql.refusal(&format!("SELECT * FROM crier.{call}")).await;
        assert_eq!(refused.code, "P0002", "{call}: {refused}");
    }
}

#[tokio::test]
async fn it_is_refused_while_somebody_has_to_know_or_to_decide() {
    let office = Office::new().await;
    let post = office.post(&[office.alice], "").await;
    for (set, because) in [
        ("state = 'committing'", "is committing"),
        ("state = 'unknown'", "is unknown"),
        ("state = 'queued', was_unclear = true", "is unknown"),
        ("state = 'unconfirmed'", "is unconfirmed"),
    ] {
        office.put(post, office.alice, set).await;
        office.delete_is_refused(because).await;
        office.put(post, office.alice, "state = 'queued', was_unclear = false").await;
    }
    office.sql.text(&format!("SELECT crier.act('{}', 'follow', 'carol.test')", office.alice)).await;
    office.sql.run("UPDATE crier.account_action SET state = 'running'").await;
    office.delete_is_refused("it is at action").await;
    office.sql.run("UPDATE crier.account_action SET state = 'waiting'").await;
    let create = "SELECT crier.create_schedule('WS', 'recurring', '{\"content\": \"x\", \"accounts\": [\"ID\"]}', 'FREQ=DAILY', \
                  '2026-01-01 09:00', 'UTC')";
    let create = create.replace("WS", &office.workspace.to_string());
    let schedule = office.sql.text(&create.replace("ID", &office.alice.to_string())).await;
    office.delete_is_refused(&format!("schedule {schedule} publishes with it")).await;
    office.sql.text(&format!("SELECT crier.end_schedule('{schedule}')")).await;
    office.call("delete_account", office.alice).await;
    assert_eq!(office.states(post, office.alice).await, "canceled");
}

#[tokio::test]
async fn connected_again_it_is_the_same_and_no_old_renewal_is_stored() {
    let office = Office::new().await;
    let post = office.post(&[office.alice], ", scheduled_at => now() + interval '1 day'").await;
    let known = "SELECT external_id FROM crier.social_account WHERE id = $1";
    let known: String = office.sql.value(known, &[&office.alice]).await;
    office.call("delete_account", office.alice).await;
    let sealed: String = dummy_sealed().iter().map(|byte| format!("{byte:02x}")).collect();
    let store = async |generation: i64| {
        let sql = format!("SELECT crier.store_credential('{}', {generation}, '\\x{sealed}')", office.alice);
        office.sql.try_text(&sql).await.unwrap_or_else(|refusal| refusal.code)
    };
    // the answer to a renewal that was under way
    assert_eq!(store(2).await, "P0002");
    let connect = "SELECT account_id, generation \
                   FROM crier.connect_account($1, 'bluesky', $2, 'alice.test', 'https://pds.example')";
    let row = office.sql.row(connect, &[&office.workspace, &known]).await;
    assert_eq!((row.get::<_, Uuid>(0), row.get::<_, i64>(1)), (office.alice, 3));
    let answers = [store(2).await, store(1).await, store(3).await];
    assert_eq!(answers, ["f", "f", "t"]);
    let status = format!("SELECT status FROM crier.accounts WHERE id = '{}'", office.alice);
    assert_eq!(office.sql.text(&status).await, "active");
    assert_eq!(office.states(post, office.alice).await, "canceled");
    let moved = format!("SELECT state FROM crier.reschedule_post('{post}', now() + interval '1 day')");
    assert_eq!(office.sql.text(&moved).await, "scheduled");
}

#[tokio::test]
async fn it_waits_for_a_worker_that_is_at_the_job_and_then_knows() {
    let office = Office::new().await;
    let post = office.post(&[office.alice], "").await;
    let worker = office.database.connect().await;
    let claim = worker.row("SELECT job_id, token FROM crier.claim_jobs('w', 1)", &[]).await;
    let (job, token): (Uuid, i64) = (claim.get(0), claim.get(1));
    worker.rows("SELECT * FROM crier.start_target($1, $2)", &[&job, &token]).await;
    let intent = format!("SELECT count(*) FROM crier.record_intent('{job}', {token}, 'key', 'request')");
    worker.run("BEGIN").await;
    assert_eq!(worker.text(&intent).await, "1");
    office.sql.run("SET lock_timeout = '100ms'").await;
    let refused = office.sql.refusal(&format!("SELECT crier.delete_account('{}')", office.alice)).await;
    assert_eq!(refused.code, "55P03", "{refused}");
    worker.run("COMMIT").await;
    office.delete_is_refused("is committing").await;
    // the other way round: who has prepared may not send any more
    let prepared = "state = 'preparing', platform_key = NULL, request = NULL, intent_at = NULL";
    office.put(post, office.alice, prepared).await;
    office.sql.run("BEGIN").await;
    office.call("delete_account", office.alice).await;
    worker.run("SET lock_timeout = '100ms'").await;
    assert_eq!(worker.refusal(&intent).await.code, "55P03");
    office.sql.run("COMMIT").await;
    assert_eq!(worker.text(&intent).await, "0");
    assert_eq!(office.states(post, office.alice).await, "canceled");
}

/// Claims whatever is due and publishes it, as a worker that is quick; how many it published.
async fn publish(session: &Session) -> usize {
    let mut published = 0;
    for row in session.rows("SELECT job_id, token FROM crier.claim_jobs('w', 10)", &[]).await {
        let (job, token): (Uuid, i64) = (row.get(0), row.get(1));
        let (key, intent) = (job.to_string(), "SELECT * FROM crier.record_intent($1, $2, $3, 'request')");
        if session.rows("SELECT * FROM crier.start_target($1, $2)", &[&job, &token]).await.is_empty()
            || session.rows(intent, &[&job, &token, &key]).await.is_empty()
        {
            continue;
        }
        let report = "SELECT count(*) FROM crier.report_targets(ARRAY[$1::uuid], ARRAY[$2::bigint], ARRAY['published'], \
                      ARRAY[jsonb_build_object('external_id', $3::text)])";
        session.value::<i64>(report, &[&job, &token, &key]).await;
        published += 1;
    }
    published
}

#[tokio::test]
async fn against_a_worker_it_comes_before_or_after_and_never_between() {
    let office = Office::new().await;
    let (one, worker) = (office.database.connect().await, office.database.connect().await);
    let (mut before, mut after, mut refused) = (0, 0, 0);
    for round in 0..40 {
        let account = dummy_account(&office.sql, office.workspace, &format!("{round}.test")).await;
        let post = office.post(&[account], "").await;
        let delete = format!("SELECT crier.delete_account('{account}')");
        let (deleted, published) = if round % 2 == 0 {
            tokio::join!(one.try_text(&delete), publish(&worker))
        } else {
            let (published, deleted) = tokio::join!(publish(&worker), one.try_text(&delete));
            (deleted, published)
        };
        let came_to = (office.states(post, account).await, published);
        match deleted {
            Ok(_) if published == 0 => {
                assert_eq!(came_to.0, "canceled");
                before += 1;
            }
            Ok(_) => {
                assert_eq!(came_to, ("published".into(), 1));
                after += 1;
            }
            Err(refusal) => {
                assert_eq!(refusal.detail, "account_unusable", "{refusal}");
                assert_eq!(came_to, ("published".into(), 1));
                refused += 1;
            }
        }
    }
    assert!(before > 0, "{before} before, {after} after, {refused} refused");
}

//! `crier.post_timeline`: everything that happened to a post, and who did it.

use crier_tests::cluster::Database;
use crier_tests::stage::dummy_account;
use uuid::Uuid;

use super::Tenant;

#[tokio::test]
async fn it_tells_what_happened_and_who_did_it() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let (tenant, other) = (Tenant::new(&database).await, Tenant::new(&database).await);
    let account = dummy_account(&superuser, tenant.workspace, "a.test").await;
    let sql = "SELECT crier.create_post($1, 'first', ARRAY[$2::uuid], now() + interval '2 hours')";
    let post: Uuid = tenant.sql.value(sql, &[&tenant.workspace, &account]).await;
    for call in ["update_post('ID', 'second')", "reschedule_post('ID')"] {
        tenant
            .sql
            .text(&format!("SELECT count(*) FROM crier.{}", call.replace("ID", &post.to_string())))
            .await;
    }
    let claimed = superuser.row("SELECT job_id, token FROM crier.claim_jobs('w', 10)", &[]).await;
    let (job, token): (Uuid, i64) = (claimed.get(0), claimed.get(1));
    superuser.rows("SELECT * FROM crier.start_target($1, $2)", &[&job, &token]).await;
    superuser.rows("SELECT * FROM crier.record_intent($1, $2, 'key', 'request')", &[&job, &token]).await;
    let report = "SELECT * FROM crier.report_targets(ARRAY[$1::uuid], ARRAY[$2::bigint], ARRAY['published'], \
                  ARRAY['{\"external_id\": \"x\", \"url\": \"https://x.test/\"}'::jsonb])";
    superuser.rows(report, &[&job, &token]).await;
    let take_back = format!("SELECT count(*) FROM crier.delete_post('{post}', true)");
    tenant.sql.text(&take_back).await;

    let told = |more: &str| {
        format!(
            "SELECT kind, account_id = '{account}', user_id = '{}', details ->> 'url' FROM crier.post_timeline('{post}'{more})",
            tenant.user
        )
    };
    let whole = tenant.sql.text(&told("")).await;
    let expected = "post_created|∅|t|∅\n\
                    post_edited|∅|t|∅\n\
                    post_rescheduled|∅|t|∅\n\
                    post_sending|t|∅|∅\n\
                    post_published|t|∅|https://x.test/\n\
                    post_deleted|∅|t|∅\n\
                    action_added|t|t|∅";
    assert_eq!(whole, expected);
    assert_eq!(tenant.sql.text(&told(", 3")).await, expected.lines().take(3).collect::<Vec<_>>().join("\n"));
    let times = format!("SELECT at FROM crier.post_timeline('{post}')");
    let times: Vec<std::time::SystemTime> = tenant.sql.column(&times, &[]).await;
    assert!(times.is_sorted(), "{times:?}");
    // events are kept for a while; that it was published stays with it
    superuser.run("DELETE FROM crier.event").await;
    let without =
        "post_created|∅|t|∅\npost_sending|t|∅|∅\npost_published|t|∅|https://x.test/\naction_added|t|t|∅";
    assert_eq!(tenant.sql.text(&told("")).await, without);
    for nobodys in [post, Uuid::new_v4()] {
        let refused = other.sql.refusal(&format!("SELECT * FROM crier.post_timeline('{nobodys}')")).await;
        assert_eq!((refused.code.as_str(), refused.detail.as_str()), ("P0002", "not_found"), "{refused}");
    }
}

//! The views as members read them, under row-level security: a page of a large workspace among many small ones reads little more than
//! the page.

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use serde_json::Value;
use uuid::Uuid;

use crate::tenancy::app_role;

/// Small workspaces with a few posts each, and a large one; each post has a target and a tag.
const FILL: &str = "
    INSERT INTO crier.workspace (id, name) SELECT overlay('00000000-0000-4000-8000-000000000000' PLACING lpad(to_hex(n), 8, '0') FROM 1)::uuid, 'small'
    FROM generate_series(1, 5000) n;
    INSERT INTO crier.social_account (workspace_id, id, platform, external_id, handle, base_url, status)
    SELECT id, id, 'bluesky', 'did:' || id, 'a.test', 'https://a.test', 'active' FROM crier.workspace;
    WITH made AS (
        INSERT INTO crier.post (workspace_id, id, content, media, settings, scheduled_at)
        SELECT w.id, crier.new_id(), 'post', '[]', '{}', now()
        FROM crier.workspace w, generate_series(1, CASE w.name WHEN 'small' THEN 10 ELSE 4000 END)
        RETURNING workspace_id, id
    ), tagged AS (
        INSERT INTO crier.post_tag (workspace_id, post_id, tag) SELECT workspace_id, id, 'news' FROM made
    )
    INSERT INTO crier.post_target (workspace_id, id, post_id, account_id, platform, job_id, state, external_id, published_at)
    SELECT workspace_id, crier.new_id(), id, workspace_id, 'bluesky', crier.new_id(), 'published', 'at://' || id, now() FROM made";
const ANALYZE: &str =
    "VACUUM ANALYZE crier.post, crier.post_target, crier.post_tag, crier.workspace, crier.workspace_member";
/// A page, and how many pages of tables and indexes were read for it.
const PAGE: &str =
    "EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) SELECT * FROM crier.posts WHERE workspace_id = '";
/// A post, its target and its tag are a few pages each. Whoever reads the other targets of the workspace for each post reads ten times
/// as many.
const MOST: u64 = 50 * 20;

async fn pages_read(member: &Session, workspace: Uuid) -> (u64, Value) {
    let plan: Value = member.value(&format!("{PAGE}{workspace}' ORDER BY id DESC LIMIT 50"), &[]).await;
    let top = &plan[0]["Plan"];
    let read = ["Shared Hit Blocks", "Shared Read Blocks"].map(|name| top[name].as_u64().unwrap_or(u64::MAX));
    (read[0].saturating_add(read[1]), plan)
}

#[tokio::test]
async fn a_page_of_a_large_workspace_reads_no_other_posts() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let member = database.connect_as(&app_role(&sql).await).await;
    let user = Uuid::new_v4();
    member.run(&format!("SET crier.user_id = '{user}'")).await;
    let workspace: Uuid = member.value("SELECT crier.create_workspace('large', $1)", &[&user]).await;
    sql.run(FILL).await;
    sql.run(ANALYZE).await;
    let page = format!(
        "SELECT count(*) FROM (SELECT * FROM crier.posts WHERE workspace_id = '{workspace}' LIMIT 50) s"
    );
    assert_eq!(member.text(&page).await, "50");
    let (read, plan) = pages_read(&member, workspace).await;
    assert!(read < MOST, "{read} pages were read: {plan:#}");
}

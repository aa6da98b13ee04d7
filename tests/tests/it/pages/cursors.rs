//! Cursors that are not what they should be get a clear error, and never another tenant's rows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crier_core::cursor::{Cursor, Position};
use crier_tests::cluster::Database;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Tenant, all_ids, page, try_page};

/// The cursor with its bytes changed and a right checksum, as somebody who knows the format can make it.
fn forged(cursor: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let mut bytes = URL_SAFE_NO_PAD.decode(cursor).expect("a cursor");
    bytes.truncate(bytes.len() - 4);
    change(&mut bytes);
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum[..4]);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn what_is_not_the_cursor_of_the_listing_is_refused() {
    let database = Database::shared().await;
    let (one, two) = (Tenant::new(&database).await, Tenant::new(&database).await);
    one.enqueue(5).await;
    two.enqueue(5).await;
    let call = "list_jobs(p_limit => 2)";
    let good = page(&one.sql, call, None).await.next.expect("a cursor");
    page(&one.sql, call, Some(&good)).await;
    let theirs = page(&two.sql, call, None).await.next.expect("a cursor");
    let filtered = page(&one.sql, "list_jobs(p_limit => 1, p_job_type => 'k1')", None).await;
    // one time in 64 it is an A already
    let other = if good[9..].starts_with('A') { 'B' } else { 'A' };
    let old = forged(&good, |bytes| bytes[0] = 0);
    let of_table = page(&one.sql, "get_paginated_data('crier.jobs', p_limit => 2)", None).await.next;
    for (what, cursor, part) in [
        ("empty", String::new(), "is not a cursor"),
        ("garbage", "x' OR 1=1 --".into(), "is not a cursor"),
        ("truncated", good[..good.len() - 3].into(), "not all of one"),
        ("changed", format!("{}{other}{}", &good[..9], &good[10..]), "not all of one"),
        ("too long", good.repeat(1_000), "is not a cursor"),
        ("of another version", old, "is of version 0"),
        ("of another tenant", theirs, "another user"),
        ("of other filters", filtered.next.unwrap_or_else(|| panic!("no cursor")), "other filters"),
        (
            "of another listing",
            of_table.expect("a cursor"),
            "crier.get_paginated_data, not of crier.list_jobs",
        ),
    ] {
        let refused = try_page(&one.sql, call, Some(&cursor)).await.expect_err(what);
        assert_eq!(
            (refused.code.as_str(), refused.detail.as_str()),
            ("22023", "invalid_cursor"),
            "{what}: {refused}"
        );
        assert!(refused.message.contains(part), "{what}: {refused}");
        assert!(refused.hint.contains("p_cursor"), "{what}: {refused}");
    }
    // the same cursor is good where the page size is another
    assert_eq!(page(&one.sql, "list_jobs(p_limit => 3)", Some(&good)).await.items.len(), 3);
}

#[tokio::test]
async fn a_forged_cursor_shows_nothing_that_is_not_the_callers() {
    let database = Database::shared().await;
    let (one, two) = (Tenant::new(&database).await, Tenant::new(&database).await);
    let own = one.enqueue(20).await;
    let theirs = two.enqueue(20).await;
    let call = "list_jobs(p_limit => 5)";
    let good = page(&one.sql, call, None).await.next.expect("a cursor");
    let places = theirs.iter().copied().chain([Uuid::nil(), Uuid::max(), own[3]]);
    let mut seen = 0;
    for place in places {
        let cursor = Cursor::decode(&good).expect("a cursor");
        let position = Position::Id(*place.as_bytes());
        let forged = Cursor { position, ..cursor }.encode().expect("a cursor");
        let ids = page(&one.sql, call, Some(&forged)).await.ids();
        assert!(ids.iter().all(|id| own.contains(id)), "expected own jobs only, found {ids:?}");
        seen += ids.len();
    }
    assert!(seen > 0, "expected forged cursors to be read, or the test proves nothing");
    // a position of another form
    let table = "get_paginated_data('crier.jobs', p_limit => 5)";
    let good = page(&one.sql, table, None).await.next.expect("a cursor");
    for values in [vec![], vec![None, None], vec![Some("1".into())], vec![Some("1".into()); 3]] {
        let cursor = Cursor::decode(&good).expect("a cursor");
        let forged = Cursor { position: Position::Values(values), ..cursor }.encode().expect("a cursor");
        let refused = try_page(&one.sql, table, Some(&forged)).await.expect_err("a forged position");
        assert_eq!(refused.detail, "invalid_cursor", "{refused}");
    }
    // a number of a page that there can't be
    let by_time = "list_by_time('jobs', 'day', p_limit => 5)";
    let good = page(&one.sql, by_time, None).await.next.expect("a cursor");
    for number in [0, i32::MAX as u32, u32::MAX] {
        let cursor = Cursor::decode(&good).expect("a cursor");
        let position = Position::Page(number, [0xff; 16]);
        let forged = Cursor { position, ..cursor }.encode().expect("a cursor");
        let refused = try_page(&one.sql, by_time, Some(&forged)).await.expect_err("a forged number");
        assert_eq!(refused.detail, "invalid_cursor", "{refused}");
    }
    let good = page(&one.sql, table, None).await.next.expect("a cursor");
    let cursor = Cursor::decode(&good).expect("a cursor");
    let hostile = "x'::uuid OR true) --".to_owned();
    let position = Position::Values(vec![Some(hostile.clone()), Some(hostile)]);
    let forged = Cursor { position, ..cursor }.encode().expect("a cursor");
    let refused = try_page(&one.sql, table, Some(&forged)).await.expect_err("a forged value");
    assert_eq!(refused.code, "22P02", "expected it to be read as a uuid: {refused}");
}

#[tokio::test]
async fn every_listing_shows_own_rows_only() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let (one, two) = (Tenant::new(&database).await, Tenant::new(&database).await);
    for tenant in [&one, &two] {
        let jobs = tenant.enqueue(3).await;
        superuser.rows("SELECT crier.log_job($1, 'error', 'it broke')", &[&jobs[0]]).await;
        let account = crier_tests::stage::dummy_account(&superuser, tenant.workspace, "a.test").await;
        tenant
            .sql
            .rows("SELECT crier.create_post($1, 'x', ARRAY[$2::uuid])", &[&tenant.workspace, &account])
            .await;
    }
    for call in [
        "list_jobs()",
        "list_jobs(p_status => 'pending')",
        "list_posts()",
        "list_events()",
        "list_logs()",
        "list_logs(p_levels => '{error}')",
        "list_logs(p_search => 'broke')",
        "list_logs(p_metadata => '{}')",
        "search_jobs('{}')",
        "list_by_time('jobs', 'day')",
        "list_by_time('logs', 'month')",
        "get_paginated_data('crier.jobs')",
        "get_paginated_data('crier.post')",
        "get_paginated_data('crier.job_logs')",
    ] {
        let rows = super::all(&one.sql, call).await;
        assert!(!rows.is_empty(), "expected own rows of {call}, or the test proves nothing");
        for row in rows {
            assert_eq!(row["workspace_id"], one.workspace.to_string(), "{call}");
        }
        let everybodys = super::all(&superuser, call).await;
        assert!(
            everybodys.iter().any(|row| row["workspace_id"] == two.workspace.to_string()),
            "expected the superuser to see both tenants' rows of {call}, or the test proves nothing"
        );
    }
    // a user is no way around the workspace
    let others = format!("list_jobs(p_user_id => '{}')", two.user);
    assert_eq!(all_ids(&one.sql, &others).await, [] as [Uuid; 0]);
    assert!(!all_ids(&superuser, &others).await.is_empty());
    let job: Uuid = two.sql.value("SELECT job_id FROM crier.job_logs", &[]).await;
    assert_eq!(all_ids(&one.sql, &format!("list_logs(p_job_id => '{job}')")).await, [] as [Uuid; 0]);
    assert_eq!(all_ids(&two.sql, &format!("list_logs(p_job_id => '{job}')")).await.len(), 1);
    let refused = one.sql.refusal(&format!("SELECT * FROM crier.get_user_jobs('{}')", two.user)).await;
    assert_eq!((refused.code.as_str(), refused.detail.as_str()), ("42501", "not_allowed"), "{refused}");
    for call in ["list_jobs", "list_posts", "list_events", "list_logs"] {
        let ask = async |id: Uuid| {
            let refusal = one.sql.refusal(&format!("SELECT crier.{call}(p_workspace_id => '{id}')")).await;
            (
                refusal.code.clone(),
                refusal.message.replace(&id.to_string(), "…"),
                refusal.detail,
                refusal.hint,
            )
        };
        let (theirs, none) = (ask(two.workspace).await, ask(Uuid::new_v4()).await);
        assert_eq!(theirs, none, "{call}");
        assert_eq!(none.0, "P0002", "{call}");
    }
    let refused = one.sql.refusal("SELECT crier.log_job(crier.new_id(), 'info', 'x')").await;
    assert_eq!(refused.code, "42501", "expected the log to be the workers': {refused}");
}

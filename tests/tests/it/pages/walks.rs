//! A walk through a listing while rows come and go: none twice, none of the stable ones missed.

use std::collections::HashSet;

use crier_tests::backdoor::History;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use uuid::Uuid;

use super::{Dice, Tenant, all_ids, page};

/// Changes the queue in some way that the dice say.
async fn disturb(worker: &Session, tenant: &Tenant, dice: &mut Dice) {
    match dice.roll(4) {
        0 => drop(tenant.enqueue(1 + dice.roll(4) as i32).await),
        1 => {
            let text = "SELECT crier.complete_jobs(coalesce(array_agg(job_id), '{}'), coalesce(array_agg(token), '{}')) \
                        FROM crier.claim_jobs('w', 3)";
            drop(worker.rows(text, &[]).await);
        }
        2 => {
            let fail = "SELECT f.* FROM (SELECT array_agg(job_id) AS ids, array_agg(token) AS tokens, \
                        array_agg('config'::text) AS classes, array_agg('{}'::jsonb) AS errors FROM crier.claim_jobs('w', 3)) c, \
                        LATERAL crier.fail_jobs(ids, tokens, classes, errors) f WHERE ids IS NOT NULL";
            drop(worker.rows(fail, &[]).await);
        }
        _ => drop(
            worker
                .rows("SELECT crier.purge_jobs(ARRAY(SELECT job_id FROM crier.dead_jobs(max => 1)))", &[])
                .await,
        ),
    }
}

/// The ids that a question gives.
async fn ids(sql: &Session, rows: &str) -> HashSet<Uuid> {
    sql.column::<Uuid>(rows, &[]).await.into_iter().collect()
}

async fn walk(seed: u64, call: &str, truth: &str) {
    let database = Database::shared().await;
    let worker = database.connect().await;
    let tenant = Tenant::new(&database).await;
    let other = Tenant::new(&database).await;
    let call = call.replace("USER", &tenant.user.to_string());
    let truth = truth.replace("USER", &tenant.user.to_string());
    let mut dice = Dice(seed);
    for _ in 0..80 {
        tenant.enqueue(5).await;
        other.enqueue(3).await;
        disturb(&worker, &tenant, &mut dice).await;
    }
    let mut stable = ids(&tenant.sql, &truth).await;
    let mut seen: Vec<Uuid> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let sized = call.replace("LIMIT", &(1 + dice.roll(9)).to_string());
        let page = page(&tenant.sql, &sized, cursor.as_deref()).await;
        seen.extend(page.ids());
        disturb(&worker, &tenant, &mut dice).await;
        let now = ids(&tenant.sql, &truth).await;
        stable.retain(|id| now.contains(id));
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert!(!stable.is_empty() && seen.len() > 10, "expected rows, or the test proves nothing: seed {seed}");
    let distinct: HashSet<Uuid> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len(), "expected no row twice: seed {seed}, {call}");
    let missed: Vec<_> = stable.difference(&distinct).collect();
    assert!(missed.is_empty(), "expected no stable row to be missed: seed {seed}, {call}: {missed:?}");
    assert!(seen.is_sorted_by(|one, two| one > two), "expected the newest first: seed {seed}, {call}");
}

#[tokio::test]
async fn of_all_jobs() {
    for seed in [1, 2, 3] {
        walk(seed, "list_jobs(p_limit => LIMIT)", "SELECT id FROM crier.jobs").await;
    }
}

#[tokio::test]
async fn of_own_jobs() {
    let truth = "SELECT id FROM crier.jobs WHERE user_id = 'USER'";
    walk(4, "list_jobs(p_limit => LIMIT, p_user_id => 'USER')", truth).await;
}

#[tokio::test]
async fn of_jobs_in_a_state() {
    for (seed, state) in [(5, "pending"), (6, "completed"), (7, "failed")] {
        let call = format!("list_jobs(p_limit => LIMIT, p_status => '{state}')");
        walk(seed, &call, &format!("SELECT id FROM crier.jobs WHERE state = '{state}'")).await;
    }
}

#[tokio::test]
async fn of_a_search() {
    let truth = "SELECT id FROM crier.jobs WHERE params @> '{\"n\": 2}' OR params @> '{}'";
    walk(8, "search_jobs('{}', p_limit => LIMIT)", truth).await;
}

#[tokio::test]
async fn of_a_table() {
    let truth = "SELECT id FROM crier.jobs WHERE kind = 'k1'";
    let call = "get_paginated_data('crier.jobs', p_limit => LIMIT, p_filter => '{\"kind\": \"k1\"}')";
    walk(9, call, truth).await;
}

#[tokio::test]
async fn past_a_day_that_is_dropped_meanwhile() {
    let superuser = Database::shared().await.connect().await;
    let history = History { jobs: 400, days: 4, users: 1, workspaces: 1, lines: 0 };
    history.make(&superuser).await;
    let whole = all_ids(&superuser, "list_jobs(p_limit => 90)").await;
    assert_eq!(whole.len(), 400);
    let first = page(&superuser, "list_jobs(p_limit => 250)", None).await;
    history.drop_oldest_day(&superuser).await;
    let rest = page(&superuser, "list_jobs(p_limit => 250)", first.next.as_deref()).await;
    assert!(!rest.more);
    let left: Vec<Uuid> = first.ids().into_iter().chain(rest.ids()).collect();
    assert_eq!(left, whole[..left.len()]);
    assert!((299..=301).contains(&left.len()), "expected what is left of three days, found {}", left.len());
}

#[tokio::test]
async fn where_a_filter_is_rare_a_page_ends_early_and_goes_on() {
    let superuser = Database::shared().await.connect().await;
    History { jobs: 3_000, days: 3, users: 1, workspaces: 1, lines: 0 }.make(&superuser).await;
    let call = "list_jobs(p_status => 'canceled')";
    let mut pages = 1;
    let mut page = page(&superuser, call, None).await;
    while let Some(next) = page.next.take() {
        assert_eq!(page.items.len(), 0);
        page = super::page(&superuser, call, Some(&next)).await;
        pages += 1;
    }
    assert!(
        (3..=4).contains(&pages),
        "expected at most 1,000 rows to be looked at for a page: {pages} pages"
    );
    let failed = all_ids(&superuser, "list_jobs(p_status => 'failed')").await;
    assert_eq!(failed.len(), 3, "expected every thousandth to be found by its own index");
    let of_user = format!("list_jobs(p_status => 'failed', p_user_id => '{}')", History::user(0));
    assert_eq!(all_ids(&superuser, &of_user).await, failed);
}

#[tokio::test]
async fn bounds_in_time_are_kept() {
    let superuser = Database::shared().await.connect().await;
    History { jobs: 300, days: 3, users: 1, workspaces: 1, lines: 1 }.make(&superuser).await;
    let day = |n: i32| format!("date_trunc('day', now(), 'UTC') - interval '{n} days'");
    let yesterday = format!("p_since => {}, p_until => {}", day(1), day(0));
    assert_eq!(all_ids(&superuser, &format!("list_jobs({yesterday})")).await.len(), 100);
    assert_eq!(all_ids(&superuser, &format!("list_logs({yesterday})")).await.len(), 100);
    assert_eq!(all_ids(&superuser, &format!("search_jobs('{{}}', {yesterday})")).await.len(), 100);
    assert_eq!(all_ids(&superuser, &format!("list_jobs(p_since => {})", day(0))).await, [] as [Uuid; 0]);
    assert_eq!(all_ids(&superuser, &format!("list_jobs(p_until => {})", day(2))).await.len(), 100);
    assert_eq!(
        all_ids(&superuser, "list_jobs(p_since => now(), p_until => '1999-01-01')").await,
        [] as [Uuid; 0]
    );
}

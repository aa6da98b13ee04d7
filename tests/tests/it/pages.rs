//! Pages: what is listed is complete, in order and the caller's own, at any depth, whatever happens meanwhile.

mod by_time;
mod cursors;
mod logs;
mod plans;
mod posts;
mod standby;
mod tables;
mod timeline;
mod user_jobs;
mod views;
mod walks;

use std::sync::atomic::{AtomicU32, Ordering};

use crier_tests::cluster::Database;
use crier_tests::session::{Refusal, Session};
use serde_json::Value;
use uuid::Uuid;

/// One page of a listing.
#[derive(Clone, Debug)]
struct Page {
    items: Vec<Value>,
    next: Option<String>,
    more: bool,
}

impl Page {
    fn ids(&self) -> Vec<Uuid> {
        self.items.iter().map(id_of).collect()
    }
}

fn id_of(item: &Value) -> Uuid {
    serde_json::from_value(item["id"].clone()).unwrap_or_else(|error| panic!("{error}: {item}"))
}

/// A page of `function(arguments)`, from the place of a cursor.
async fn page(sql: &Session, call: &str, cursor: Option<&str>) -> Page {
    try_page(sql, call, cursor).await.unwrap_or_else(|refusal| panic!("{refusal}\n{call}"))
}

async fn try_page(sql: &Session, call: &str, cursor: Option<&str>) -> Result<Page, Refusal> {
    let (function, arguments) = call.split_once('(').expect("a call");
    let comma = if arguments == ")" { "" } else { ", " };
    let arguments = arguments.strip_suffix(')').expect("a call");
    let text = format!(
        "SELECT items, next_cursor, has_more FROM crier.{function}({arguments}{comma}p_cursor => $1)"
    );
    let rows = sql.query(&text, &[&cursor]).await.map_err(Refusal::from)?;
    assert_eq!(rows.len(), 1, "expected one row of\n{text}");
    let page = Page { items: items(rows[0].get(0)), next: rows[0].get(1), more: rows[0].get(2) };
    assert_eq!(page.next.is_some(), page.more, "expected a cursor where there is more, and only there");
    Ok(page)
}

fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => panic!("expected an array of rows, found {other}"),
    }
}

/// All rows of a listing, page by page.
async fn all(sql: &Session, call: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = None;
    for _ in 0..1_000 {
        let page = page(sql, call, cursor.as_deref()).await;
        rows.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return rows,
        }
    }
    panic!("no end of {call} after 1,000 pages and {} rows", rows.len());
}

async fn all_ids(sql: &Session, call: &str) -> Vec<Uuid> {
    all(sql, call).await.iter().map(id_of).collect()
}

/// A workspace with its owner's session, as an application has it.
struct Tenant {
    user: Uuid,
    workspace: Uuid,
    sql: Session,
}

impl Tenant {
    async fn new(database: &Database) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let role = format!("pages_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        database.connect().await.run(&format!("CREATE ROLE {role} LOGIN IN ROLE crier_app")).await;
        let user = Uuid::new_v4();
        let sql = database.connect_as(&role).await;
        sql.run(&format!("SET crier.user_id = '{user}'")).await;
        let workspace = sql.value("SELECT crier.create_workspace('Acme', $1)", &[&user]).await;
        Self { user, workspace, sql }
    }

    /// Jobs in the tenant's name.
    async fn enqueue(&self, count: i32) -> Vec<Uuid> {
        let text = "SELECT crier.enqueue_many((SELECT jsonb_agg(jsonb_build_object('kind', 'k' || n % 3, 'params', \
                    jsonb_build_object('n', n), 'workspace_id', $1::uuid)) FROM generate_series(1, $2::int) n))";
        self.sql.column(text, &[&self.workspace, &count]).await
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    /// One of `sides` numbers from 0.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

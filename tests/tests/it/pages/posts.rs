//! Posts by account, tag and words, and `crier.get_posts`: what is listed is what a full read finds, whatever happens meanwhile.

use std::collections::HashSet;

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::dummy_account;
use uuid::Uuid;

use super::{Dice, Tenant, all_ids, page};

const WORDS: [&str; 5] = ["red", "blue", "green", "news", "Überraschung"];

/// A tenant with two accounts and posts that come, change and go.
struct Newsroom {
    superuser: Session,
    tenant: Tenant,
    accounts: [Uuid; 2],
    posts: Vec<Uuid>,
    dice: Dice,
}

impl Newsroom {
    async fn new(seed: u64) -> Self {
        let database = Database::shared().await;
        let superuser = database.connect().await;
        let tenant = Tenant::new(&database).await;
        let accounts = [
            dummy_account(&superuser, tenant.workspace, "a.test").await,
            dummy_account(&superuser, tenant.workspace, "b.test").await,
        ];
        Self { superuser, tenant, accounts, posts: Vec::new(), dice: Dice(seed) }
    }

    fn some_accounts(&mut self) -> String {
        let [a, b] = self.accounts;
        ["'{A}'", "'{B}'", "'{A,B}'", "'{B,A}'"][self.dice.roll(4)]
            .replace('A', &a.to_string())
            .replace('B', &b.to_string())
    }

    fn some_tags(&mut self) -> &'static str {
        ["'{}'", "'{x}'", "'{y,x}'", "'{y,\"x y\"}'"][self.dice.roll(4)]
    }

    fn some_text(&mut self) -> String {
        let words: Vec<&str> = (0..1 + self.dice.roll(3)).map(|_| WORDS[self.dice.roll(5)]).collect();
        words.join(" ")
    }

    async fn create(&mut self) {
        let (text, accounts, tags) = (self.some_text(), self.some_accounts(), self.some_tags());
        let draft = self.dice.roll(3) == 0;
        let at =
            if self.dice.roll(4) == 0 && draft { "NULL::timestamptz" } else { "now() + interval '2 hours'" };
        let later = self.dice.roll(20);
        let thread = ["[]", "[\"and on\"]"][self.dice.roll(2)];
        let sql = format!(
            "SELECT crier.create_post('{}', '{text}', {accounts}, {at} + interval '{later} hours', tags => {tags}, \
             draft => {draft}, thread => '{thread}')",
            self.tenant.workspace
        );
        self.posts.push(self.tenant.sql.text(&sql).await.parse().unwrap_or_else(|error| panic!("{error}")));
    }

    async fn change(&mut self) {
        if self.posts.is_empty() || self.dice.roll(2) == 0 {
            return self.create().await;
        }
        let at = self.dice.roll(self.posts.len());
        let id = self.posts[at];
        let call = match self.dice.roll(5) {
            0 => {
                self.posts.remove(at);
                format!("delete_post('{id}')")
            }
            1 => format!("cancel_post('{id}')"),
            2 => format!("update_post('{id}', tags => {})", self.some_tags()),
            3 => format!("update_post('{id}', accounts => {})", self.some_accounts()),
            _ => format!("update_post('{id}', '{}')", self.some_text()),
        };
        self.tenant.sql.text(&format!("SELECT count(*) FROM crier.{call}")).await;
    }

    async fn ids(&self, which: &str) -> HashSet<Uuid> {
        let sql = format!("SELECT id FROM crier.posts WHERE {which}");
        self.tenant.sql.column::<Uuid>(&sql, &[]).await.into_iter().collect()
    }
}

/// Filters, and the condition of a full read that means the same.
fn filters(account: Uuid) -> Vec<(String, String)> {
    let of_account = (format!("p_account_id => '{account}'"), format!("'{account}' = ANY (accounts)"));
    let with_tag = ("p_tag => 'x'".to_owned(), "'x' = ANY (tags)".to_owned());
    let with_words =
        ("p_search => 'RED -blue'".to_owned(), r"content ~ '\mred\M' AND content !~ '\mblue\M'".to_owned());
    let of_state = ("p_status => 'draft'".to_owned(), "state = 'draft'".to_owned());
    let both = |one: &(String, String), other: &(String, String)| {
        (format!("{}, {}", one.0, other.0), format!("{} AND {}", one.1, other.1))
    };
    let two = both(&of_account, &with_tag);
    vec![
        both(&two, &with_words),
        both(&of_account, &of_state),
        both(&with_tag, &of_state),
        two,
        ("p_search => '\"news überraschung\"'".to_owned(), "content ~* 'news überraschung'".to_owned()),
        of_account,
        with_tag,
        with_words,
        ("p_tag => 'x y'".to_owned(), "'x y' = ANY (tags)".to_owned()),
    ]
}

#[tokio::test]
async fn a_walk_under_any_filter_misses_nothing_and_has_nothing_twice() {
    for seed in 1..=3 {
        let mut room = Newsroom::new(seed).await;
        for _ in 0..120 {
            room.change().await;
        }
        for (filter, which) in filters(room.accounts[0]) {
            let mut stable = room.ids(&which).await;
            let (mut ever, mut seen) = (stable.clone(), Vec::new());
            let mut cursor: Option<String> = None;
            loop {
                let call = format!("list_posts({filter}, p_limit => {})", 1 + room.dice.roll(7));
                let page = page(&room.tenant.sql, &call, cursor.as_deref()).await;
                seen.extend(page.ids());
                room.change().await;
                let now = room.ids(&which).await;
                stable.retain(|id| now.contains(id));
                ever.extend(now);
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
            let distinct: HashSet<Uuid> = seen.iter().copied().collect();
            assert!(!stable.is_empty(), "expected posts, or the test proves nothing: seed {seed}, {filter}");
            assert_eq!(distinct.len(), seen.len(), "expected none twice: seed {seed}, {filter}");
            assert!(
                stable.is_subset(&distinct),
                "expected no stable one to be missed: seed {seed}, {filter}"
            );
            assert!(distinct.is_subset(&ever), "expected none that does not pass: seed {seed}, {filter}");
            assert!(
                seen.is_sorted_by(|one, two| one > two),
                "expected the newest first: seed {seed}, {filter}"
            );
        }
    }
}

#[tokio::test]
async fn pages_with_a_total_are_those_of_a_full_read() {
    let mut room = Newsroom::new(7).await;
    for _ in 0..150 {
        room.change().await;
    }
    let workspace = room.tenant.workspace;
    let all = ("p_status => NULL".to_owned(), "true".to_owned());
    for (filter, which) in filters(room.accounts[1]).into_iter().chain([all]) {
        for (by, key) in [("created_at", "id"), ("scheduled_at", "scheduled_at")] {
            for direction in ["asc", "DESC"] {
                let sql = format!(
                    "SELECT id FROM crier.posts WHERE {which} ORDER BY {key} {direction}, id {direction}"
                );
                let whole: Vec<Uuid> = room.tenant.sql.column(&sql, &[]).await;
                let mut paged = Vec::new();
                for number in 1.. {
                    let sql = format!(
                        "SELECT id, total_count, total_is_exact FROM crier.get_posts('{workspace}', {number}, 7, {filter}, \
                         p_order_by => '{by}', p_order_dir => '{direction}')"
                    );
                    let rows = room.tenant.sql.rows(&sql, &[]).await;
                    if rows.is_empty() {
                        break;
                    }
                    for row in rows {
                        paged.push(row.get::<_, Uuid>(0));
                        assert_eq!((row.get::<_, i64>(1), row.get::<_, bool>(2)), (whole.len() as i64, true));
                    }
                }
                assert!(!whole.is_empty(), "expected posts, or the test proves nothing: {filter}");
                assert_eq!(paged, whole, "{filter}, {by} {direction}");
            }
        }
    }
    // the columns are those of the view
    let columns = "id, workspace_id, author_id, state, content, media, accounts, tags, priority, scheduled_at, created_at, updated_at, \
                   targets, published, failed, unconfirmed, urls";
    let rows = |from: &str| format!("SELECT {columns} FROM {from} ORDER BY id");
    let paged = room.tenant.sql.text(&rows(&format!("crier.get_posts('{workspace}', 1, 1000)"))).await;
    assert_eq!(paged, room.tenant.sql.text(&rows("crier.posts")).await);
}

#[tokio::test]
async fn beyond_ten_thousand_the_total_says_that_it_is_no_longer_exact() {
    let room = Newsroom::new(0).await;
    let (workspace, superuser, [account, other]) = (room.tenant.workspace, &room.superuser, room.accounts);
    let many = "INSERT INTO crier.post (workspace_id, id, content, media, settings, stage, accounts) \
                SELECT $1, crier.new_id(), 'x', '[]', '{}', 'draft', ARRAY[$2::uuid] FROM generate_series(1, 10005) n";
    superuser.rows(many, &[&workspace, &account]).await;
    superuser
        .run("INSERT INTO crier.post_tag SELECT workspace_id, 'x', id FROM (SELECT * FROM crier.post ORDER BY id LIMIT 3) p")
        .await;
    let ask = async |more: &str| {
        let sql = format!(
            "SELECT count(*), min(total_count), bool_and(total_is_exact) FROM crier.get_posts('{workspace}'{more})"
        );
        room.tenant.sql.text(&sql).await
    };
    assert_eq!(ask("").await, "50|10000|f");
    assert_eq!(ask(", 2, 1000").await, "1000|10000|f");
    assert_eq!(ask(&format!(", p_account_id => '{account}'")).await, "50|10000|f");
    // the oldest ones, found by their tag
    assert_eq!(ask(", p_tag => 'x'").await, "3|3|t");
    assert_eq!(ask(&format!(", p_account_id => '{other}'")).await, "0|∅|∅");
    let refused =
        room.tenant.sql.refusal(&format!("SELECT * FROM crier.get_posts('{workspace}', 3, 1000)")).await;
    assert!(refused.hint.contains("crier.list_posts"), "{refused}");
    // a page ends early where few pass, and goes on
    let call = "list_posts(p_search => 'nothing')";
    let first = page(&room.tenant.sql, call, None).await;
    assert!(first.items.is_empty() && first.more);
    assert_eq!(all_ids(&room.tenant.sql, call).await, [] as [Uuid; 0]);
    assert_eq!(all_ids(&room.tenant.sql, "list_posts(p_tag => 'x', p_limit => 2)").await.len(), 3);
}

#[tokio::test]
async fn a_cursor_is_bound_to_its_filters() {
    let mut room = Newsroom::new(3).await;
    for _ in 0..30 {
        room.create().await;
    }
    let [a, b] = room.accounts;
    let calls = [
        "list_posts(p_limit => 1)".to_owned(),
        format!("list_posts(p_limit => 1, p_account_id => '{a}')"),
        format!("list_posts(p_limit => 1, p_account_id => '{b}')"),
        "list_posts(p_limit => 1, p_tag => 'x')".to_owned(),
        "list_posts(p_limit => 1, p_tag => 'y')".to_owned(),
        "list_posts(p_limit => 1, p_search => 'red')".to_owned(),
        "list_posts(p_limit => 1, p_search => 'blue')".to_owned(),
    ];
    for one in &calls {
        let cursor = page(&room.tenant.sql, one, None).await.next.expect("a cursor");
        for other in &calls {
            let answer = super::try_page(&room.tenant.sql, other, Some(&cursor)).await;
            match answer {
                Ok(_) => assert_eq!(one, other),
                Err(refused) => {
                    assert_eq!(refused.detail, "invalid_cursor", "{refused}");
                    assert_ne!(one, other);
                }
            }
        }
    }
}

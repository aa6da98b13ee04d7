//! Every function refuses what it can't work with: the documented SQLSTATE, a message that names the value, a hint,
//! and nothing half-written.

mod actions;
mod alerts;
mod analytics;
mod connecting;
mod keys;
mod maintenance;
mod pages;
mod posts;
mod queue;
mod schedules;

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};

const NULL: &str = "22004";
const INVALID: &str = "22023";
const TOO_LARGE: &str = "54000";
const NOT_FOUND: &str = "P0002";

/// A call, the SQLSTATE it is refused with, and what its message must name. In calls `WS` stands for a workspace,
/// `ACC` for an active account of it, `NEW` for one without a credential, `OTHER` for one of another workspace, `NO`
/// for an id of nothing, `SEALED` for a sealed value of the first format, `ENVELOPED` of the second, `WRAPPED` for a data key.
type Case = (&'static str, &'static str, &'static str);

/// Calls that look odd and are right: they change nothing, or what they say.
const ACCEPTED: &[(&str, &str)] = &[
    ("enqueue_many('[]')", ""),
    ("complete_jobs('{}', '{}')", ""),
    ("cancel_jobs('{}')", ""),
    ("cancel_jobs(ARRAY['NO', 'NO']::uuid[])", ""),
    ("complete_jobs(ARRAY['NO'::uuid], ARRAY[-9223372036854775808])", ""),
    ("complete_jobs(ARRAY['NO'::uuid], ARRAY[1], ARRAY[NULL]::jsonb[])", ""),
    ("start_target('NO', 1)", ""),
    ("save_prepared('NO', 1, '{}')", "f"),
    ("record_intent('NO', 1, 'k', 'r')", ""),
    ("withdraw_intent('NO', 1)", "f"),
    ("taken_posts('NO', '{}')", ""),
    ("taken_posts('NO', ARRAY['', repeat('x', 100000)])", ""),
    ("report_targets(ARRAY['NO'::uuid], ARRAY[1], ARRAY['published'], ARRAY['{}'::jsonb])", ""),
    ("store_credential('ACC', 5, SEALED)", "f"),
    ("take_oauth_state('ticket', sha256('x'))", ""),
    ("keep_oauth_state('WS', 'NO', 'login', sha256('x'), SEALED, sha256('y'))", "f"),
    ("keep_oauth_state('WS', 'NO', 'choice', sha256('x'), SEALED)", "f"),
    ("end_oauth_state('NO', 'NO')", ""),
    ("keep_oauth_state('WS', 'NO', 'granted', sha256('x'), SEALED)", "f"),
    ("take_oauth_state('confirmed', sha256('x'))", ""),
    ("release_app_registration('NO', 1)", ""),
    ("get_app_registration('mastodon', 's', 'r')", ""),
    ("begin_app_registration('mastodon', 's', 'r', 7)", ""),
    ("store_app_registration('NO', 1, SEALED)", "f"),
    ("note_app_registration('NO', 1, true)", ""),
    ("store_credential('ACC', 1, SEALED)", "f"),
    ("begin_refresh('NO', 1)", "∅"),
    ("begin_refresh('ACC', 7)", "∅"),
    ("fail_refresh('ACC', 7, 1, 'auth_revoked', '{}')", ""),
    ("defer_refresh('NO', 1, 1, NULL)", "f"),
    ("defer_refresh('ACC', 7, 1, now())", "f"),
    ("refresh_expiring_tokens()", ""),
    ("hand_back_refreshes(ARRAY['NO'::uuid], ARRAY[1], ARRAY[now()], ARRAY[now()])", "0"),
    ("hand_back_refreshes('{}', '{}', '{}', '{}')", "0"),
    ("start_action('NO', 1)", ""),
    ("record_sending('NO', 1)", "f"),
    ("report_action('NO', 1, 'done')", "∅"),
    ("report_action('NO', 1, 'transient', '{}', now() - interval '1 day')", "∅"),
    ("start_reading('NO', 1)", ""),
    ("report_metrics('NO', 1, 'done', '{\"likes\": -1}')", "∅"),
    ("start_alert('NO', 1)", ""),
    ("report_alert('NO', 1, 'delivered')", "∅"),
    ("report_alert('NO', 1, 'transient', '{}')", "∅"),
    ("list_alert_endpoints()", ""),
    ("list_alert_endpoints('WS')", ""),
    ("raise_alert('threshold.begun', 'key', '{}')", ""),
    ("begin_sealing('NO')", ""),
    ("begin_sealing('NO', 10)", ""),
    ("begin_sealing(NULL)", ""),
    ("list_data_keys(-1)", ""),
    ("rewrap_data_key('NO', WRAPPED, WRAPPED)", "f"),
    ("list_sealed('alert_endpoint.sealed')", ""),
    ("list_sealed('credential.sealed', 'ffffffff-ffff-ffff-ffff-ffffffffffff')", ""),
    ("reseal('credential.sealed', 'WS', 'ACC', 1, ENVELOPED, ENVELOPED)", "f"),
    ("reseal('credential.sealed', 'WS', 'ACC', 2, SEALED, ENVELOPED)", "f"),
    ("reseal('credential.sealed', 'NO', 'ACC', 1, SEALED, ENVELOPED)", "f"),
    ("reseal('alert_endpoint.sealed', 'WS', 'ACC', 1, SEALED, ENVELOPED)", "f"),
    ("key_usage()", "1|0|0|2|0|0"),
];

/// A database with what the calls refer to.
struct Subject {
    sql: Session,
    names: Vec<(&'static str, String)>,
}

impl Subject {
    async fn new() -> Self {
        let sql = Database::shared().await.connect().await;
        let workspace = create_workspace(&sql).await;
        let elsewhere = create_workspace(&sql).await;
        let account = dummy_account(&sql, workspace, "alice.test").await;
        let other = dummy_account(&sql, elsewhere, "bob.test").await;
        let unconnected = format!(
            "SELECT account_id FROM crier.connect_account('{workspace}', 'bluesky', 'did:plc:x', 'new.test', 'https://x')"
        );
        let unconnected = sql.text(&unconnected).await;
        let sealed = crier_tests::stage::dummy_sealed();
        let sealed: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        let template = format!("'{{\"content\": \"x\", \"accounts\": [\"{account}\"]}}'::jsonb");
        let day = "'FREQ=DAILY', '2026-01-01 09:00', 'UTC'";
        let schedule = async |kind: &str| {
            let create = format!(
                "SELECT crier.create_schedule('{workspace}', '{kind}', {template}, 'FREQ=YEARLY', now()::timestamp + interval '1 day', 'UTC')"
            );
            sql.text(&create).await
        };
        let (plan, green) = (schedule("recurring").await, schedule("evergreen").await);
        // longer names first: none is a part of another that comes later
        let names = vec![
            ("TPL", template),
            (", DAY", format!(", {day}")),
            ("'PLAN'", format!("'{plan}'")),
            ("'GREEN'", format!("'{green}'")),
            ("SEALED", format!("'\\x{sealed}'::bytea")),
            ("ENVELOPED", "decode('0202' || repeat('07', 60), 'hex')".into()),
            ("WRAPPED", "decode('0202' || repeat('07', 76), 'hex')".into()),
            ("OTHER", other.to_string()),
            ("'NO'", "'00000000-0000-7000-8000-000000000000'".into()),
            (" NO", " 00000000-0000-7000-8000-000000000000".into()),
            ("'WS'", format!("'{workspace}'")),
            ("ACC", account.to_string()),
            ("NEW", unconnected),
        ];
        Self { sql, names }
    }

    fn named(&self, text: &str) -> String {
        let whole = if text == "NO" { " NO" } else { text };
        let named = self.names.iter().fold(whole.to_owned(), |text, (name, id)| text.replace(name, id));
        named.trim_start().to_owned()
    }

    /// How many rows each table has.
    async fn rows(&self) -> String {
        let tables: Vec<String> = self
            .sql
            .column(
                "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'crier'::regnamespace AND c.relkind = 'r' \
                 ORDER BY 1",
                &[],
            )
            .await;
        let counts = tables.iter().map(|table| {
            format!("SELECT '{table}', count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM crier.{table} t")
        });
        // in this order, in parallel or not
        self.sql.text(&format!("{} ORDER BY 1", counts.collect::<Vec<_>>().join(" UNION ALL "))).await
    }

    /// Makes every call and gives what is not as it should be.
    async fn check(&self, cases: impl IntoIterator<Item = (String, &str, &str)>) {
        let before = self.rows().await;
        let mut wrong = Vec::new();
        for (call, code, part) in cases {
            let short: String = call.chars().take(150).collect();
            match self.sql.try_text(&format!("SELECT * FROM crier.{}", self.named(&call))).await {
                Ok(given) => wrong.push(format!("{short}: accepted, gave {given:?}")),
                Err(refusal) => {
                    let expected = self.named(part);
                    let named = refusal.message.contains(&expected);
                    if refusal.code != code || !named || refusal.hint.is_empty() || refusal.detail.is_empty()
                    {
                        wrong.push(format!(
                            "{short}: expected {code} naming {expected:?} with detail and hint, got {refusal}"
                        ));
                    }
                }
            }
        }
        assert_eq!(wrong, [] as [String; 0], "\n{}", wrong.join("\n"));
        assert_eq!(self.rows().await, before, "expected refused calls to write nothing");
    }
}

async fn check(cases: &[Case]) {
    let cases = cases.iter().map(|(call, code, part)| ((*call).to_owned(), *code, *part));
    Subject::new().await.check(cases).await;
}

#[tokio::test]
async fn of_workspaces() {
    check(posts::WORKSPACES).await;
}

#[tokio::test]
async fn of_analytics() {
    check(analytics::ANALYTICS).await;
}

#[tokio::test]
async fn of_alerts() {
    check(actions::ACTIONS).await;
    check(alerts::ALERTS).await;
}

#[tokio::test]
async fn of_keys() {
    check(keys::KEYS).await;
}

#[tokio::test]
async fn of_logins() {
    check(connecting::CONNECTING).await;
}

#[tokio::test]
async fn of_maintenance() {
    check(maintenance::MAINTENANCE).await;
}

#[tokio::test]
async fn of_schedules() {
    check(schedules::SCHEDULES).await;
}

#[tokio::test]
async fn of_posts() {
    check(posts::POSTS).await;
}

#[tokio::test]
async fn of_enqueue() {
    check(queue::ENQUEUE).await;
}

#[tokio::test]
async fn of_claim() {
    check(queue::CLAIM).await;
}

#[tokio::test]
async fn of_leases() {
    let cases = queue::ANSWERS.iter().flat_map(|(function, rest)| {
        queue::LEASES
            .iter()
            .map(move |(call, code, part)| (call.replace('F', function).replace("REST", rest), *code, *part))
    });
    Subject::new().await.check(cases).await;
}

#[tokio::test]
async fn of_outcomes() {
    check(queue::OUTCOMES).await;
}

#[tokio::test]
async fn of_publishing() {
    check(queue::PUBLISHING).await;
}

#[tokio::test]
async fn of_accounts() {
    check(posts::ACCOUNTS).await;
}

#[tokio::test]
async fn what_is_odd_but_right_is_accepted() {
    let subject = Subject::new().await;
    let before = subject.rows().await;
    for (call, expected) in ACCEPTED {
        let given = subject.sql.text(&format!("SELECT * FROM crier.{}", subject.named(call))).await;
        assert_eq!(&given, expected, "{call}");
    }
    assert_eq!(subject.rows().await, before);
}

#[tokio::test]
async fn one_bad_element_keeps_the_whole_batch_out() {
    let subject = Subject::new().await;
    let before = subject.rows().await;
    let refusal = subject
        .sql
        .refusal("SELECT crier.enqueue_many('[{\"kind\": \"a\"}, {\"kind\": \"b\", \"priority\": \"x\"}]')")
        .await;
    assert_eq!(refusal.code, INVALID, "{refusal}");
    let two = subject.named("SELECT crier.create_post('WS', 'x', ARRAY['ACC', 'NEW']::uuid[])");
    assert_eq!(subject.sql.refusal(&two).await.code, INVALID);
    assert_eq!(subject.rows().await, before);
}

#[tokio::test]
async fn before_the_tables_are_there_everything_says_so() {
    let server = crier_tests::cluster::Server::bare();
    server.connect("postgres").await.run("CREATE DATABASE empty").await;
    let sql = server.connect("empty").await;
    sql.run("CREATE EXTENSION crier").await;
    for call in [
        "enqueue('k')",
        "enqueue_many('[{\"kind\": \"k\"}]')",
        "claim_jobs('w')",
        "complete_jobs(ARRAY[gen_random_uuid()], ARRAY[1])",
        "cancel_jobs(ARRAY[gen_random_uuid()])",
        "create_workspace('x', gen_random_uuid())",
        "get_post(gen_random_uuid())",
        "get_credential(gen_random_uuid())",
        "start_target(gen_random_uuid(), 1)",
        "ensure_partitions()",
        "checkpoint_queue()",
        "run_maintenance()",
        "drop_old_days()",
        "cleanup_finished_jobs()",
        "expire_pending_jobs()",
        "stuck_jobs()",
        "list_alert_endpoints()",
        "begin_sealing(NULL)",
        "key_usage()",
        "begin_connect(gen_random_uuid(), 'x', 'https://a/')",
        "take_oauth_state('ticket', sha256('x'))",
        "confirm_connect('x')",
        "cleanup_expired_oauth_states_batch()",
        "start_alert(gen_random_uuid(), 1)",
        "check_alerts()",
        "adopt_database()",
    ] {
        let refusal = sql.refusal(&format!("SELECT * FROM crier.{call}")).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("55000", "not_migrated"),
            "{call}: {refusal}"
        );
        assert!(refusal.hint.contains("crier.migrate()"), "{call}: {refusal}");
    }
    sql.run("SELECT * FROM crier.migrate()").await;
    sql.run("SELECT crier.enqueue('k')").await;
}

#[tokio::test]
async fn of_pages() {
    check(pages::PAGES).await;
}

#[tokio::test]
async fn of_logs() {
    check(pages::LOGS).await;
}

//! A workspace with some of everything that can be seen.

use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::{Stage, dummy_account};
use uuid::Uuid;

use crate::dashboard::publishing::{LOOK, PUT};

/// The workspace of a shop, as it is on an ordinary day.
pub(super) struct Shop {
    post: Uuid,
    thread: Uuid,
    account: Uuid,
    schedule: Uuid,
    queue: Uuid,
}

const LONG: &str = "Our summer sale begins on Friday: everything in the window is 20 % off, and the first fifty people get a tote bag. \
     Come early, bring a friend, and tell us what you would like to see next season.";

impl Shop {
    pub(super) async fn open(stage: &Stage, sim: &Sim) -> Self {
        let (sql, workspace, account) = (&stage.sql, stage.workspace, stage.account);
        sql.run(&format!("UPDATE crier.workspace SET name = 'Acme Books & Coffee' WHERE id = '{workspace}'"))
            .await;
        let other = dummy_account(sql, workspace, "acme.example").await;
        sql.run(&format!(
            "UPDATE crier.social_account SET status = 'reauth_required', status_reason = 'The login was taken back.' WHERE id = '{other}'"
        ))
        .await;
        let later = |text: &str, days: u32, more: &str| {
            format!(
                "SELECT crier.create_post('{workspace}', '{text}', ARRAY['{account}'::uuid], \
                     scheduled_at => date_trunc('day', now()) + interval '{days} days 9 hours'{more})"
            )
        };
        let post: Uuid = text_id(
            stage,
            &later("The door is open: come in, and have a look around.", 1, ", tags => '{sale,summer}'"),
        )
        .await;
        text_id(stage, &later(LONG, 2, "")).await;
        text_id(stage, &later("Reading night, with wine.", 2, "")).await;
        let thread = later(
            "We have moved. A thread.",
            3,
            ", media => '[{\"url\": \"https://acme.example/door.png\", \"alt\": \"A red door\"}]', \
             thread => '[\"It took a year.\", \"And here we are.\"]', first_comment => 'Photos on our site.'",
        );
        let thread = text_id(stage, &thread).await;
        text_id(stage, &later("An idea for the autumn", 4, ", draft => true")).await;
        let review = text_id(stage, &later("May we say this?", 5, ", draft => true")).await;
        sql.run(&format!("UPDATE crier.post SET stage = 'in_review' WHERE id = '{review}'")).await;
        let published = stage.post("Good morning from behind the counter.").await;
        stage.published(published).await;
        sim.fault(PUT, Fault::NulError);
        let failed = stage.post("New in: forty cookbooks.").await;
        assert_eq!(stage.ended(failed).await["state"], "failed");
        sim.fault(PUT, Fault::DropBeforeCommit);
        sim.plan(Rule::once("bluesky", LOOK, Fault::ServerError).times(100));
        let unclear = stage.post("Closed on Monday.").await;
        assert_eq!(stage.ended(unclear).await["state"], "unconfirmed");
        Self::history(stage, other).await;
        let (schedule, queue) = Self::schedules(stage).await;
        sql.text(&format!("SELECT crier.set_rate_limit('{account}', 'publish', '1 hour', 10)")).await;
        sql.text(&format!(
            "SELECT crier.block_account('{account}', now() + interval '2 hours', 'like', 'holidays')"
        ))
        .await;
        Self { post, thread, account, schedule, queue }
    }

    /// How publishing came out in the last weeks.
    async fn history(stage: &Stage, other: Uuid) {
        let (workspace, account) = (stage.workspace, stage.account);
        stage
            .sql
            .run(&format!(
                "INSERT INTO crier.event (workspace_id, id, kind, account_id, payload, created_at) \
                 SELECT '{workspace}', crier.first_id(t.at), CASE WHEN n % 9 = 0 THEN 'post_publish_failed' ELSE 'post_published' END, \
                     CASE WHEN n % 3 = 0 THEN '{other}'::uuid ELSE '{account}'::uuid END, '{{\"state\": \"failed\"}}', t.at \
                 FROM generate_series(1, 140) AS n \
                 CROSS JOIN LATERAL (SELECT now() - interval '4 hours' * n - interval '1 minute' * (n * n % 90) AS at) AS t"
            ))
            .await;
    }

    async fn schedules(stage: &Stage) -> (Uuid, Uuid) {
        let (workspace, account) = (stage.workspace, stage.account);
        let make = |kind: &str, template: &str, more: &str| {
            format!(
                "SELECT crier.create_schedule('{workspace}', '{kind}', '{{\"accounts\": [\"{account}\"]{template}}}', \
                     '{{\"weekly\": {{\"mon\": [\"09:00\"], \"fri\": [\"09:00\"]}}}}', '2026-01-01', 'Europe/Berlin'{more})"
            )
        };
        let schedule =
            text_id(stage, &make("recurring", ", \"content\": \"Good morning\"", ", name => 'Mornings'"))
                .await;
        let queue = text_id(stage, &make("evergreen", "", ", name => 'Tips', item_rest => '7 days'")).await;
        let items = format!(
            "SELECT crier.add_schedule_items('{queue}', '[{{\"content\": \"Drink more tea\"}}, {{\"content\": \"Read aloud\"}}]')"
        );
        stage.sql.text(&items).await;
        (schedule, queue)
    }

    /// Each page with its name.
    pub(super) fn pages(&self) -> Vec<(&'static str, String)> {
        let Self { post, thread, account, schedule, queue } = self;
        vec![
            ("inbox", String::new()),
            ("posts", "/posts".into()),
            ("posts-none", "/posts?state=canceled".into()),
            ("post", format!("/posts/{post}")),
            ("thread", format!("/posts/{thread}")),
            ("new-post", "/posts/new".into()),
            ("calendar-week", "/calendar".into()),
            ("calendar-month", "/calendar?view=month".into()),
            ("accounts", "/accounts".into()),
            ("account", format!("/accounts/{account}")),
            ("queue", "/queue".into()),
            ("schedules", "/schedules".into()),
            ("schedule", format!("/schedules/{schedule}")),
            ("schedule-queue", format!("/schedules/{queue}")),
            ("schedule-change", format!("/schedules/{schedule}/change")),
            ("new-schedule", "/schedules/new".into()),
            ("analytics", "/analytics".into()),
            ("activity", "/activity".into()),
        ]
    }
}

async fn text_id(stage: &Stage, sql: &str) -> Uuid {
    let id = stage.sql.text(sql).await;
    id.parse().unwrap_or_else(|error| panic!("{id}: {error}"))
}

//! Ten years of a schedule with a clock that is told: two run what is due at once, now and then nobody does for weeks, transactions
//! are rolled back and the server crashes. Each occurrence is made once, or not at all where the policy says so.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use crier_core::recurrence::{Definition, Recurrence, Timing, Zone, parse_wall};
use crier_tests::cluster::Database;
use uuid::Uuid;

use super::{Office, run};
use crate::recurrence::Random;

const RULE: &str = "FREQ=WEEKLY;BYDAY=MO,TH,SA,SU;BYHOUR=2,9;BYMINUTE=30";
const STARTS: &str = "2020-02-29 00:00";
const GRACE: TimeDelta = TimeDelta::minutes(5);

/// What is to come of the policies.
struct Model {
    policy: &'static str,
    all: Vec<DateTime<Utc>>,
    /// How many of them are decided.
    decided: usize,
    made: BTreeSet<DateTime<Utc>>,
    passed_over: usize,
}

impl Model {
    fn run(&mut self, now: DateTime<Utc>, until: DateTime<Utc>) {
        let due = self.all.partition_point(|at| *at <= until).max(self.decided);
        let late = self.all.partition_point(|at| *at < now - GRACE).max(self.decided);
        let recent = self.all.get(late).is_some_and(|at| *at <= now);
        let missed = &self.all[self.decided..late];
        match self.policy {
            "catch_up" => self.made.extend(missed),
            "latest" if !recent => self.made.extend(missed.last()),
            _ => {}
        }
        self.passed_over += missed.iter().filter(|at| !self.made.contains(at)).count();
        self.made.extend(&self.all[late..due]);
        self.decided = due;
    }
}

async fn replay(policy: &'static str) {
    let office = Office::on(Database::private().await).await;
    let (mut one, mut other) = (office.database.connect().await, office.database.connect().await);
    let schedule = office
        .create("recurring", &format!("'{RULE}'"), &format!("'{STARTS}'"), &format!(", missed => '{policy}'"))
        .await;
    let began: DateTime<Utc> = {
        let at = office.get(schedule).await["created_at"].as_str().expect("a time").to_owned();
        at.parse().expect("a time")
    };
    let definition = Definition::new(
        Timing::rule(RULE).expect("a rule"),
        parse_wall(STARTS).expect("a time"),
        Zone::parse("Europe/Berlin").expect("a zone"),
    );
    let recurrence = Recurrence::new(&definition).expect("a recurrence");
    let all = recurrence.after(began).map(|occurrence| occurrence.instant);
    let ten_years = began + TimeDelta::days(3_653);
    let all: Vec<_> = all.take_while(|at| *at <= ten_years).collect();
    // whatever the hour: the last is made ahead of its time, and none comes within the hour after it
    let end = *all.last().expect("an occurrence") - TimeDelta::minutes(30);
    assert!(all.len() > 4_000, "{} occurrences", all.len());
    let mut model = Model { policy, all, decided: 0, made: BTreeSet::new(), passed_over: 0 };
    // what is due within the hour is made with the schedule
    model.run(began, began + TimeDelta::hours(1));
    let mut random = Random(policy.len() as u64);
    let mut now = began.with_nanosecond(0).expect("a time");
    let (mut crashes, mut downtimes) = (0, 0);
    while now < end {
        let next = model.all.get(model.decided).copied().unwrap_or(end);
        let ahead = if random.percent(30) { 0 } else { 60 };
        now = if random.percent(4) {
            downtimes += 1;
            now + TimeDelta::minutes(random.within(60, 40 * 24 * 60))
        } else if ahead == 0 {
            next.max(now) + TimeDelta::seconds(random.within(0, 299))
        } else {
            next.max(now + TimeDelta::hours(1)) - TimeDelta::minutes(random.within(0, 59))
        }
        .min(end);
        if crashes < 2 && random.percent(1) && now > began + TimeDelta::days(1_500 * (crashes + 1)) {
            crashes += 1;
            office.database.server().crash_and_restart();
            (one, other) = (office.database.connect().await, office.database.connect().await);
        }
        let at = format!("'{}'", now.to_rfc3339());
        if random.percent(5) {
            // one that dies before its commit
            let sql = format!(
                "BEGIN; SELECT * FROM crier.run_due(p_ahead => '{ahead} minutes', p_now => {at}); ROLLBACK"
            );
            one.run(&sql).await;
        }
        let (ahead_text, limit) =
            (format!("{ahead} minutes"), i32::try_from(random.within(1, 9)).expect("small"));
        tokio::join!(run(&one, &at, &ahead_text, limit), run(&other, &at, &ahead_text, limit));
        // a clock that is put back finds nothing to do again
        if random.percent(3) {
            let before = format!("'{}'", (now - TimeDelta::days(random.within(0, 3))).to_rfc3339());
            assert_eq!(run(&one, &before, &ahead_text, 100).await, 0);
        }
        // whoever locked it was not waited for
        run(&one, &at, &ahead_text, 100).await;
        model.run(now, now + TimeDelta::minutes(ahead));
    }
    assert!(crashes == 2 && downtimes > 20, "{crashes} crashes, {downtimes} downtimes");
    check(&office, schedule, &model, one).await;
}

async fn check(office: &Office, schedule: Uuid, model: &Model, sql: crier_tests::session::Session) {
    let of = |column: &str, table: &str| {
        format!("SELECT extract(epoch FROM {column})::bigint FROM {table} WHERE schedule_id = $1 ORDER BY 1")
    };
    let expected: Vec<i64> = model.made.iter().map(DateTime::timestamp).collect();
    let posts: Vec<i64> = sql.column(&of("scheduled_at", "crier.posts"), &[&schedule]).await;
    let occurrences: Vec<i64> = sql.column(&of("occurs_at", "crier.schedule_occurrence"), &[&schedule]).await;
    assert!(posts == expected, "{}: {} posts, {} expected", model.policy, posts.len(), expected.len());
    assert!(occurrences == expected, "{}: {} occurrences", model.policy, occurrences.len());
    let jobs: i64 = sql
        .value("SELECT count(DISTINCT job_id) FROM crier.post_target WHERE state = 'scheduled'", &[])
        .await;
    assert_eq!(jobs, i64::try_from(expected.len()).expect("small"), "one job for each");
    let counted = "SELECT coalesce(sum((payload ->> 'count')::int), 0) FROM crier.events WHERE kind = 'schedule_missed' AND workspace_id = $1";
    let counted: i64 = sql.value(counted, &[&office.workspace]).await;
    assert_eq!(counted, i64::try_from(model.passed_over).expect("small"), "what was passed over is told");
    match model.policy {
        "catch_up" => assert!(model.passed_over == 0 && expected.len() == model.decided),
        "skip" => assert!(model.passed_over > 100, "{}", model.passed_over),
        _ => assert!(model.passed_over > 50, "{}", model.passed_over),
    }
}

#[tokio::test]
async fn ten_years_of_catching_up() {
    replay("catch_up").await;
}

#[tokio::test]
async fn ten_years_of_skipping() {
    replay("skip").await;
}

#[tokio::test]
async fn ten_years_of_the_latest_only() {
    replay("latest").await;
}

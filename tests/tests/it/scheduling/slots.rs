//! Slots: each is one post's, the next free one first, whoever asks at the same time.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Desk;

/// From this Monday in summer on, long enough ahead.
const MONDAY: &str = "'2027-06-07 00:00+02'::timestamptz";

impl Desk {
    async fn set_slots(&self, account: Uuid, slots: &str) {
        let sql = format!("SELECT crier.set_slots('{account}', 'Europe/Berlin', '{slots}')");
        self.sql.run(&sql).await;
    }

    /// A post of these accounts at their next slots from a time on.
    async fn at_slot(&self, accounts: &[Uuid], from: &str) -> Uuid {
        let sql = format!("SELECT crier.create_post($1, 'at a slot', $2, {from}, next_slot => true)");
        self.sql.value(&sql, &[&self.workspace, &accounts]).await
    }

    /// When each of its accounts publishes, in Berlin.
    async fn due(&self, post: Uuid) -> String {
        let sql = format!(
            "SELECT a.handle, to_char(t.due_at AT TIME ZONE 'Europe/Berlin', 'Dy DD HH24:MI') FROM crier.post_target t \
             JOIN crier.social_account a ON a.id = t.account_id WHERE t.post_id = '{post}' AND t.part = 0 ORDER BY 1"
        );
        self.sql.text(&sql).await
    }

    /// What is booked: handle and time, in order.
    async fn booked(&self) -> String {
        let sql = "SELECT a.handle, to_char(b.at AT TIME ZONE 'Europe/Berlin', 'Dy DD HH24:MI') FROM crier.slot_booking b \
                   JOIN crier.social_account a ON a.id = b.account_id ORDER BY b.at, 1";
        self.sql.text(sql).await
    }
}

#[tokio::test]
async fn each_account_has_the_next_of_its_own() {
    let desk = Desk::new().await;
    desk.set_slots(desk.alice, r#"{"tue": ["17:30", "09:00"], "mon": ["09:00"]}"#).await;
    desk.set_slots(desk.bob, r#"{"mon": ["12:00"]}"#).await;
    let both = [desk.alice, desk.bob];
    let one = desk.at_slot(&both, MONDAY).await;
    let other = desk.at_slot(&both, MONDAY).await;
    assert_eq!(desk.due(one).await, "alice.test|Mon 07 09:00\nbob.test|Mon 07 12:00");
    assert_eq!(desk.due(other).await, "alice.test|Tue 08 09:00\nbob.test|Mon 14 12:00");
    // the time of a post is the first of its slots
    let at = |id: Uuid| {
        format!(
            "SELECT to_char(scheduled_at AT TIME ZONE 'Europe/Berlin', 'Dy DD HH24:MI') FROM crier.post WHERE id = '{id}'"
        )
    };
    assert_eq!(desk.sql.text(&at(other)).await, "Tue 08 09:00");
    // from its time on: that is a slot itself
    let third = desk.at_slot(&[desk.alice], &format!("{MONDAY} + interval '41 hours 30 minutes'")).await;
    assert_eq!(desk.due(third).await, "alice.test|Tue 08 17:30");
    let next = |after: &str| {
        format!(
            "SELECT to_char(crier.next_slot('{}', {after}) AT TIME ZONE 'Europe/Berlin', 'Dy DD HH24:MI')",
            desk.alice
        )
    };
    assert_eq!(desk.sql.text(&next(MONDAY)).await, "Mon 14 09:00");
    assert_eq!(desk.sql.text(&next(&format!("{MONDAY} + interval '7 days 9 hours'"))).await, "Tue 15 09:00");
    let slots = format!("SELECT zone, slots FROM crier.get_slots('{}')", desk.bob);
    assert_eq!(desk.sql.text(&slots).await, r#"Europe/Berlin|{"mon": ["12:00"]}"#);
    // others from now on; what is planned stays
    desk.set_slots(desk.bob, r#"{"wed": ["08:00"]}"#).await;
    assert_eq!(desk.due(one).await, "alice.test|Mon 07 09:00\nbob.test|Mon 07 12:00");
    let later = desk.at_slot(&[desk.bob], MONDAY).await;
    assert_eq!(desk.due(later).await, "bob.test|Wed 09 08:00");
    desk.set_slots(desk.bob, "{}").await;
    assert_eq!(desk.sql.text(&slots).await, "");
    assert_eq!(desk.sql.text(&format!("SELECT crier.next_slot('{}')", desk.bob)).await, "∅");
    let refused = desk
        .sql
        .refusal(&format!(
            "SELECT crier.create_post('{}', 'x', ARRAY['{}'::uuid], {MONDAY}, next_slot => true)",
            desk.workspace, desk.bob
        ))
        .await;
    assert!(refused.message.contains("finds no slots of account"), "{refused:?}");
}

#[tokio::test]
async fn wall_time_stays_through_every_change_of_the_clocks() {
    let desk = Desk::new().await;
    // 02:30 is skipped on 28 March 2027, and there twice on 31 October
    desk.set_slots(desk.alice, r#"{"sun": ["02:30", "09:00"]}"#).await;
    for (from, expected) in [
        ("'2027-03-27 12:00+01'", "2027-03-28 01:00:00"),
        ("'2027-03-28 01:30+00'", "2027-03-28 07:00:00"),
        ("'2027-10-30 12:00+02'", "2027-10-31 00:30:00"),
        ("'2027-10-31 00:30+00'", "2027-10-31 08:00:00"),
    ] {
        let sql = format!("SELECT crier.next_slot('{}', {from}::timestamptz) AT TIME ZONE 'UTC'", desk.alice);
        assert_eq!(desk.sql.text(&sql).await, expected, "{from}");
    }
}

#[tokio::test]
async fn a_slot_is_free_again_when_its_post_leaves_it() {
    let desk = Desk::new().await;
    desk.set_slots(desk.alice, r#"{"mon": ["09:00"], "tue": ["09:00"]}"#).await;
    desk.set_slots(desk.bob, r#"{"mon": ["10:00"], "tue": ["10:00"]}"#).await;
    let both = [desk.alice, desk.bob];
    let monday = "alice.test|Mon 07 09:00\nbob.test|Mon 07 10:00";
    let tuesday = "alice.test|Tue 08 09:00\nbob.test|Tue 08 10:00";
    let run = async |call: String| desk.sql.run(&format!("SELECT * FROM crier.{call}")).await;
    let first = desk.at_slot(&both, MONDAY).await;
    assert_eq!(desk.booked().await, monday);
    // to a time of its own
    run(format!("reschedule_post('{first}', {MONDAY})")).await;
    assert_eq!(desk.booked().await, "");
    // and back: what it leaves it may take again
    run(format!("reschedule_post('{first}', {MONDAY}, next_slot => true)")).await;
    run(format!("reschedule_post('{first}', {MONDAY}, next_slot => true)")).await;
    assert_eq!((desk.booked().await.as_str(), desk.due(first).await.as_str()), (monday, monday));
    run(format!("cancel_post('{first}')")).await;
    assert_eq!(desk.booked().await, "");
    let second = desk.at_slot(&both, MONDAY).await;
    assert_eq!(desk.due(second).await, monday);
    // what was canceled has to look for another
    run(format!("reschedule_post('{first}', {MONDAY}, next_slot => true)")).await;
    assert_eq!(desk.due(first).await, tuesday);
    run(format!("delete_post('{second}')")).await;
    assert_eq!(desk.booked().await, tuesday);
    // an edit keeps the slots, and gives back those of accounts that it leaves out
    run(format!("update_post('{first}', 'other words')")).await;
    assert_eq!((desk.booked().await.as_str(), desk.due(first).await.as_str()), (tuesday, tuesday));
    run(format!("update_post('{first}', accounts => ARRAY['{}'::uuid])", desk.bob)).await;
    assert_eq!(desk.booked().await, "bob.test|Tue 08 10:00");
    run(format!("update_post('{first}', accounts => ARRAY['{}', '{}']::uuid[])", desk.bob, desk.alice)).await;
    assert_eq!(desk.due(first).await, "alice.test|Mon 14 09:00\nbob.test|Tue 08 10:00");
    // a job that is canceled
    desk.sql
        .run(&format!(
            "SELECT * FROM crier.run_due(p_now => {MONDAY} + interval '30 days'); \
             SELECT * FROM crier.cancel_jobs(ARRAY(SELECT job_id FROM crier.post_target WHERE account_id = '{}'))",
            desk.bob
        ))
        .await;
    assert_eq!(desk.booked().await, "alice.test|Mon 14 09:00");
    // one that was published keeps its slot, whatever becomes of the others
    desk.put(first, desk.alice, "published").await;
    run(format!("reschedule_post('{first}', {MONDAY}, next_slot => true)")).await;
    assert_eq!(desk.booked().await, "bob.test|Mon 07 10:00\nalice.test|Mon 14 09:00");
    run(format!("cancel_post('{first}')")).await;
    assert_eq!(desk.booked().await, "alice.test|Mon 14 09:00");
}

#[tokio::test]
async fn what_is_not_planned_yet_has_no_slot() {
    let desk = Desk::new().await;
    desk.set_slots(desk.alice, r#"{"mon": ["09:00"]}"#).await;
    let draft = |from: &str| {
        format!(
            "SELECT crier.create_post('{}', 'x', ARRAY['{}'::uuid], {from}, draft => true, next_slot => true)",
            desk.workspace, desk.alice
        )
    };
    let first: Uuid = desk.sql.text(&draft(MONDAY)).await.parse().expect("an id");
    assert_eq!(desk.booked().await, "");
    desk.sql.run(&format!("SELECT crier.submit_post('{first}')")).await;
    assert_eq!(desk.booked().await, "alice.test|Mon 07 09:00");
    desk.sql.run(&format!("SELECT crier.set_approval('{}', 'admin')", desk.workspace)).await;
    // an edit sends it back to review, and its slot is another's
    desk.sql.run(&format!("SELECT * FROM crier.update_post('{first}', 'edited')")).await;
    assert_eq!((desk.state(first).await.as_str(), desk.booked().await.as_str()), ("in_review", ""));
    let second = desk.at_slot(&[desk.alice], MONDAY).await;
    assert_eq!((desk.state(second).await.as_str(), desk.booked().await.as_str()), ("in_review", ""));
    desk.sql.run(&format!("SELECT crier.approve_post('{second}')")).await;
    desk.sql.run(&format!("SELECT crier.approve_post('{first}')")).await;
    assert_eq!(desk.due(second).await, "alice.test|Mon 07 09:00");
    assert_eq!(desk.due(first).await, "alice.test|Mon 14 09:00");
    // one without a time takes the next there is
    let third: Uuid = desk.sql.text(&draft("NULL")).await.parse().expect("an id");
    desk.sql.run(&format!("SELECT crier.submit_post('{third}')")).await;
    assert_eq!(desk.sql.text(&format!("SELECT crier.approve_post('{third}')")).await, "scheduled");
    let is_next = format!(
        "SELECT due_at > now() AND due_at <= now() + interval '8 days' FROM crier.post_target WHERE post_id = '{third}'"
    );
    assert_eq!(desk.sql.text(&is_next).await, "t");
}

#[tokio::test]
async fn the_calendar_shows_a_post_at_each_of_its_slots() {
    let desk = Desk::new().await;
    desk.set_slots(desk.alice, r#"{"mon": ["09:00"]}"#).await;
    desk.set_slots(desk.bob, r#"{"thu": ["10:00"]}"#).await;
    let post = desk.at_slot(&[desk.alice, desk.bob], MONDAY).await;
    let days = async |from: i32, to: i32, more: &str| {
        let sql = format!(
            "SELECT post_id = '{post}', to_char(due_at AT TIME ZONE 'Europe/Berlin', 'Dy DD HH24:MI') \
             FROM crier.calendar('{}', {MONDAY} + interval '{from} days', {MONDAY} + interval '{to} days'{more})",
            desk.workspace
        );
        desk.sql.text(&sql).await
    };
    let (alice, bob) = (format!(", '{}'", desk.alice), format!(", '{}'", desk.bob));
    assert_eq!(days(0, 7, "").await, "t|Mon 07 09:00");
    assert_eq!(days(1, 7, "").await, "t|Thu 10 10:00", "expected it where its second account publishes");
    assert_eq!(days(1, 3, "").await, "");
    assert_eq!(days(0, 7, &alice).await, "t|Mon 07 09:00");
    assert_eq!(days(0, 7, &bob).await, "t|Thu 10 10:00", "expected the time of the account");
    assert_eq!(days(0, 3, &bob).await, "");
    assert_eq!(days(1, 7, &alice).await, "");
}

/// Bookings by four sessions at once: each has a slot of its own, and together they have the first ones there are.
#[tokio::test]
async fn those_who_book_at_once_have_neighboring_slots() {
    const SESSIONS: usize = 4;
    const EACH: usize = 25;
    let desk = Desk::new().await;
    let mut sessions = vec![];
    for _ in 0..SESSIONS {
        sessions.push(desk.database.connect().await);
    }
    // every quarter of an hour of a week
    let times: Vec<String> = (0..96).map(|n| format!("\"{:02}:{:02}\"", n / 4, n % 4 * 15)).collect();
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .map(|day| format!("\"{day}\": [{}]", times.join(", ")));
    desk.set_slots(desk.alice, &format!("{{{}}}", days.join(", "))).await;
    desk.set_slots(desk.bob, &format!("{{{}}}", days.join(", "))).await;
    let rounds =
        std::env::var("CRIER_TEST_BOOKINGS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(25);
    for round in 0..rounds {
        // each round has weeks of its own, which a new account would have as well
        let from = format!("{MONDAY} + interval '{} days'", 7 * round);
        let book = async |session: usize| {
            for n in 0..EACH {
                // some take back what they have begun, and some are for both accounts, named in either order
                let accounts = match (n + session) % 4 {
                    0 => format!("'{{{},{}}}'", desk.alice, desk.bob),
                    1 => format!("'{{{},{}}}'", desk.bob, desk.alice),
                    _ => format!("'{{{}}}'", desk.alice),
                };
                let end = if (n + round) % 5 == session { "ROLLBACK" } else { "COMMIT" };
                let sql = format!(
                    "BEGIN; SELECT crier.create_post('{}', 'x', {accounts}, {from}, next_slot => true); {end}",
                    desk.workspace
                );
                sessions[session].run(&sql).await;
            }
        };
        tokio::join!(book(0), book(1), book(2), book(3));
        for account in [desk.alice, desk.bob] {
            let sql = format!(
                "SELECT (extract(epoch FROM t.due_at - ({from})) / 900)::bigint FROM crier.post_target t \
                 WHERE t.account_id = $1 AND t.due_at >= {from} AND t.due_at < {from} + interval '7 days'"
            );
            let taken: Vec<i64> = desk.sql.column(&sql, &[&account]).await;
            let distinct: BTreeSet<i64> = taken.iter().copied().collect();
            assert_eq!(distinct.len(), taken.len(), "round {round}: expected no slot twice");
            assert!(taken.len() > EACH, "round {round}: {} bookings", taken.len());
            let first: BTreeSet<i64> = (0..taken.len() as i64).collect();
            assert_eq!(distinct, first, "round {round}: expected no slot to be passed over");
        }
    }
    let differ = "SELECT count(*) FROM crier.slot_booking b FULL JOIN crier.post_target t ON t.post_id = b.post_id AND t.account_id = b.account_id \
                  WHERE b.at IS DISTINCT FROM t.due_at";
    assert_eq!(desk.sql.text(differ).await, "0");
}

#[tokio::test]
async fn more_bookings_than_are_read_at_once() {
    let desk = Desk::new().await;
    desk.set_slots(desk.alice, r#"{"mon": ["09:00"], "tue": ["09:00"], "wed": ["09:00"], "thu": ["09:00"], "fri": ["09:00"], "sat": ["09:00"], "sun": ["09:00"]}"#).await;
    let holder = desk.post(", now() + interval '1 day'").await;
    desk.sql.run("SET session_replication_role = replica").await;
    // 2,500 days are taken but two, and something is booked that is no slot any more
    let many = format!(
        "INSERT INTO crier.slot_booking (workspace_id, account_id, at, post_id) \
         SELECT $1::uuid, $2::uuid, ({MONDAY} AT TIME ZONE 'Europe/Berlin' + interval '9 hours' + make_interval(days => n)) AT TIME ZONE 'Europe/Berlin', crier.new_id() \
         FROM generate_series(0, 2500) n WHERE n NOT IN (1000, 2200) \
         UNION ALL SELECT $1, $2, {MONDAY} + interval '12 hours', $3::uuid"
    );
    desk.sql.rows(&many, &[&desk.workspace, &desk.alice, &holder]).await;
    desk.sql.run("SET session_replication_role = DEFAULT").await;
    let mut days = vec![];
    for _ in 0..3 {
        let id = desk.at_slot(&[desk.alice], MONDAY).await;
        let day = format!(
            "SELECT (due_at AT TIME ZONE 'Europe/Berlin')::date - '2027-06-07'::date FROM crier.post_target WHERE post_id = '{id}'"
        );
        days.push(desk.sql.text(&day).await);
    }
    assert_eq!(days, ["1000", "2200", "2501"]);
}

#[tokio::test]
async fn bad_input_changes_nothing() {
    let desk = Desk::new().await;
    desk.set_slots(desk.alice, r#"{"mon": ["09:00"]}"#).await;
    let many: Vec<String> = (0..1_440).map(|n| format!("\"{:02}:{:02}\"", n / 60, n % 60)).collect();
    let many = format!("set_slots('ACC', 'UTC', '{{\"mon\": [{}]}}')", many.join(","));
    for (call, code, part) in [
        ("set_slots(NULL, 'UTC', '{}')", "22004", "account_id"),
        ("set_slots('ACC', NULL, '{}')", "22004", "zone"),
        ("set_slots('ACC', 'UTC', NULL)", "22004", "slots"),
        ("set_slots(gen_random_uuid(), 'UTC', '{}')", "P0002", "account"),
        ("set_slots('ACC', '', '{}')", "22023", "zone"),
        ("set_slots('ACC', 'Mars/Olympus', '{}')", "22023", "Mars/Olympus"),
        ("set_slots('ACC', '+02:00', '{}')", "22023", "+02:00"),
        ("set_slots('ACC', 'UTC', '[]')", "22023", "slots"),
        ("set_slots('ACC', 'UTC', 'null')", "22023", "slots"),
        ("set_slots('ACC', 'UTC', '{\"mon\": []}')", "22023", "slots"),
        ("set_slots('ACC', 'UTC', '{\"mon\": \"09:00\"}')", "22023", "slots"),
        ("set_slots('ACC', 'UTC', '{\"mon\": [\"24:00\"]}')", "22023", "24:00"),
        ("set_slots('ACC', 'UTC', '{\"mon\": [9]}')", "22023", "slots"),
        ("set_slots('ACC', 'UTC', '{\"someday\": [\"09:00\"]}')", "22023", "someday"),
        ("set_slots('ACC', 'UTC', to_jsonb(repeat('x', 70000)))", "54000", "slots"),
        (many.as_str(), "22023", "slots"),
        ("get_slots(NULL)", "22004", "account_id"),
        ("get_slots(gen_random_uuid())", "P0002", "account"),
        ("next_slot(NULL)", "22004", "account_id"),
        ("next_slot(gen_random_uuid())", "P0002", "account"),
        ("next_slot('ACC', NULL)", "22004", "after"),
        ("next_slot('ACC', 'infinity')", "22023", "after"),
        ("next_slot('ACC', '-infinity')", "22023", "after"),
        ("next_slot('ACC', '0001-01-01')", "22023", "after"),
        ("next_slot('ACC', '9999-01-01')", "22023", "after"),
        ("create_post('WS', 'x', ARRAY['ACC'::uuid], next_slot => NULL)", "22004", "next_slot"),
    ] {
        let named = call.replace("ACC", &desk.alice.to_string()).replace("WS", &desk.workspace.to_string());
        let refused = desk.sql.refusal(&format!("SELECT * FROM crier.{named}")).await;
        assert_eq!(refused.code, code, "{call}: {refused:?}");
        assert!(refused.message.contains(part), "{call}: {refused:?}");
        assert!(!refused.detail.is_empty() && !refused.hint.is_empty(), "{call}: {refused:?}");
    }
    let slots = format!("SELECT slots FROM crier.get_slots('{}')", desk.alice);
    assert_eq!(desk.sql.text(&slots).await, r#"{"mon": ["09:00"]}"#);
    assert_eq!(desk.booked().await, "");
}

//! What `crier.validate_post` says, `crier.create_post` does.

use serde_json::Value;
use uuid::Uuid;

use super::Desk;

/// An account of a platform that is connected as if a person had done it.
async fn account(desk: &Desk, platform: &str) -> Uuid {
    let connect = "SELECT account_id FROM crier.connect_account($1, $2, $3, 'a.test', 'https://a.example')";
    let id: Uuid = desk.sql.value(connect, &[&desk.workspace, &platform, &Uuid::new_v4().to_string()]).await;
    desk.sql.run(&format!("UPDATE crier.social_account SET status = 'active' WHERE id = '{id}'")).await;
    id
}

#[tokio::test]
async fn whatever_is_accepted_is_valid_and_nothing_else() {
    let desk = Desk::new().await;
    let paused = account(&desk, "x").await;
    desk.sql.run(&format!("UPDATE crier.social_account SET status = 'paused' WHERE id = '{paused}'")).await;
    let platforms = ["mastodon", "x", "instagram", "devto", "reddit", "telegram"];
    let mut accounts = vec![desk.alice];
    for platform in platforms {
        accounts.push(account(&desk, platform).await);
    }
    let image = r#"[{"url": "https://a.example/a.jpg"}]"#;
    let texts = ["", "short", &"x".repeat(301), &"word ".repeat(400), &"x".repeat(9_000)].map(str::to_owned);
    let more = [
        String::new(),
        format!("media => '{image}'"),
        r#"media => '[{"url": "ftp://a"}]'"#.into(),
        "media => '7'".into(),
        "split => true".into(),
        r#"thread => '["and on"]'"#.into(),
        r#"thread => '["a"]', split => true"#.into(),
        format!("thread => '[\"{}\"]'", "y".repeat(2_000)),
        "first_comment => 'thanks'".into(),
        format!("first_comment => '{}'", "y".repeat(3_000)),
        r#"settings => '{"mastodon": {"spoiler_text": "careful"}, "devto": {"title": "t"}, "reddit": {"subreddit": "a", "title": "t"}}'"#.into(),
        r#"settings => '{"mastodon": {"no": 1}}'"#.into(),
        r#"settings => '{"friendster": {}}'"#.into(),
        format!("variants => '{{\"{}\": {{\"content\": \"own\"}}}}'", desk.alice),
        format!("variants => '{{\"{paused}\": {{}}}}'"),
        "tags => '{a,a}'".into(),
        "tags => '{a}', priority => 5".into(),
        "priority => 101".into(),
    ];
    let mut sets: Vec<Vec<Uuid>> = accounts.iter().map(|account| vec![*account]).collect();
    sets.extend([
        vec![],
        accounts.clone(),
        vec![desk.alice, desk.bob],
        vec![desk.alice, desk.alice],
        vec![desk.alice, paused],
        vec![desk.alice, Uuid::new_v4()],
    ]);
    let (mut accepted, mut refused) = (0, 0);
    for set in &sets {
        let list = set.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",");
        for text in &texts {
            for more in &more {
                let rest = if more.is_empty() { String::new() } else { format!(", {more}") };
                let arguments = format!("'{}', '{text}', '{{{list}}}'{rest}", desk.workspace);
                desk.sql.run("BEGIN READ ONLY").await;
                let said = desk
                    .sql
                    .try_text(&format!("SELECT ok, problems[1] FROM crier.validate_post({arguments})"))
                    .await;
                desk.sql.run("ROLLBACK; BEGIN").await;
                let made = desk.sql.try_text(&format!("SELECT crier.create_post({arguments})")).await;
                desk.sql.run("ROLLBACK").await;
                let told = format!("{} accounts, {} bytes, {more}: {said:?}", set.len(), text.len());
                match (&said, &made) {
                    (Ok(rows), Ok(_)) => {
                        accepted += 1;
                        assert!(rows.lines().all(|row| row.starts_with("t|")), "accepted: {told}");
                    }
                    (Ok(rows), Err(refusal)) => {
                        refused += 1;
                        // the first account that is refused, in the same words
                        let wrong = rows
                            .lines()
                            .filter_map(|row| row.strip_prefix("f|"))
                            .any(|problem| refusal.message.contains(problem));
                        assert!(wrong, "{refusal:?}: {told}");
                    }
                    (Err(said), Err(made)) => {
                        refused += 1;
                        assert_eq!((&said.code, &said.message), (&made.code, &made.message), "{told}");
                    }
                    (Err(_), Ok(_)) => panic!("accepted: {told}"),
                }
            }
        }
    }
    assert!(accepted > 50 && refused > 300, "{accepted} accepted, {refused} refused");
    assert_eq!(desk.sql.text("SELECT count(*) FROM crier.post").await, "0");
}

#[tokio::test]
async fn it_says_of_each_account_what_is_wrong_and_how_long_it_is() {
    let desk = Desk::new().await;
    let x = account(&desk, "x").await;
    let gone = Uuid::new_v4();
    let sql = "SELECT jsonb_agg(to_jsonb(v)) FROM crier.validate_post($1, $2, ARRAY[$3::uuid, $4, $5]) v";
    let long = "y".repeat(290);
    let rows: Value = desk.sql.value(sql, &[&desk.workspace, &long, &desk.alice, &x, &gone]).await;
    let (alice, x, gone) = (&rows[0], &rows[1], &rows[2]);
    assert_eq!(
        (&alice["ok"], &alice["reason"], &alice["problems"]),
        (&true.into(), &Value::Null, &serde_json::json!([]))
    );
    let length = serde_json::json!([{ "of": "part 0", "found": 290, "limit": 300, "unit": "graphemes" }]);
    assert_eq!(alice["lengths"], length);
    assert_eq!((&x["ok"], &x["reason"]), (&false.into(), &"content_invalid".into()));
    assert_eq!((&x["lengths"][0]["found"], &x["lengths"][0]["limit"]), (&290.into(), &280.into()));
    assert!(x["problems"][0].as_str().is_some_and(|text| text.contains("at most 280")), "{x}");
    assert_eq!((&gone["platform"], &gone["reason"]), (&Value::Null, &"not_found".into()));
}

//! What is written in forms: posts with all there is of them, schedules with the times that come of them, and who may.

use crier_tests::sim::Sim;
use reqwest::header::LOCATION;
use serde_json::Value;

use super::publishing::at_work;
use super::tenants::{member, two};

#[tokio::test]
async fn a_post_has_files_parts_and_settings() {
    let sim = Sim::start();
    let (stage, _crierd, member) = at_work(&sim).await;
    let account = stage.account.to_string();
    let path = member.path("/posts");
    let mut fields = vec![
        ("content", "first"),
        ("account", account.as_str()),
        ("when", "at"),
        ("at", "2030-06-03T09:00"),
        ("media_url", "https://acme.example/door.png"),
        ("media_alt", "A <red> door"),
        ("media_url", ""),
        ("media_alt", ""),
        ("part", "second"),
        ("part", ""),
        ("first_comment", "and this"),
        ("settings", r#"{"bluesky": {"langs": ["en"]}}"#),
    ];
    // one more field is no post yet
    let mut more = fields.clone();
    more.push(("more", "media"));
    let shown = member.post(&path, &more).await;
    shown.is(200).has("value=\"A &lt;red&gt; door\"").has("second").has("Part 3");
    let posts = "SELECT count(*) FROM crier.post";
    assert_eq!(stage.sql.text(posts).await, "0");
    let made = member.post(&path, &fields).await;
    made.is(303);
    let page = made.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
    let id = page.rsplit('/').next().unwrap_or_default();
    let post: Value = stage.sql.value(&format!("SELECT crier.get_post('{id}')"), &[]).await;
    assert_eq!(post["media"][0]["alt"], "A <red> door");
    assert_eq!(post["settings"]["bluesky"]["langs"][0], "en");
    assert_eq!(
        (&post["first_comment"], post["targets"].as_array().map(Vec::len)),
        (&"and this".into(), Some(3))
    );
    member
        .get(&page)
        .await
        .is(200)
        .has("A &lt;red&gt; door")
        .has("Part 2")
        .has("second")
        .has("First comment")
        .has_not("<red>");
    // what SQL refuses stands at its field, and what was written is there again
    for (name, bad, problem) in [
        ("settings", r#"{"bluesky": {"langs": 7}}"#, "-problem"),
        ("settings", "{", "settings-problem"),
        ("media_url", "ftp://acme.example/door.png", "-problem"),
        ("content", &"long ".repeat(100), "content-problem"),
    ] {
        let at = fields.iter().position(|(known, _)| *known == name).expect("a field");
        let good = std::mem::replace(&mut fields[at], (name, bad));
        let refused = member.post(&path, &fields).await;
        refused.is(422).has(problem).has("second").has("and this").has("Usual limit");
        fields[at] = good;
    }
    assert_eq!(stage.sql.text(posts).await, "1");
}

#[tokio::test]
async fn a_schedule_is_seen_before_it_is_kept_and_changed() {
    let sim = Sim::start();
    let (stage, _crierd, member) = at_work(&sim).await;
    let account = stage.account.to_string();
    let path = member.path("/schedules");
    let fields = [
        ("name", "Mornings"),
        ("content", "Good morning"),
        ("account", account.as_str()),
        ("repeats", "weekly"),
        ("times", "09:00"),
        ("day", "mon"),
        ("day", "fri"),
        ("every", "1"),
        ("starts", "2030-01-01T00:00"),
        ("zone", "Europe/Berlin"),
    ];
    let with = |name: &'static str, value: &'static str| {
        let mut all: Vec<(&str, &str)> = fields.iter().copied().filter(|(known, _)| *known != name).collect();
        all.push((name, value));
        all
    };
    member.page("/schedules/new").await.is(200).has("Show the coming times").has_not("name=\"keep\"");
    let seen = member.post(&path, &with("preview", "1")).await;
    seen.is(200)
        .has("Fri 4 Jan 2030, 08:00")
        .has("09:00 there, +01:00")
        .has("name=\"keep\"")
        .has("Good morning");
    let count = "SELECT count(*) FROM crier.schedule";
    assert_eq!(stage.sql.text(count).await, "0", "expected nothing to be kept that was only looked at");
    let refused = member.post(&path, &with("zone", "Berlin")).await;
    refused.is(422).has("is not a time zone").has("Good morning").has("value=\"mon\" checked");
    member.post(&path, &with("times", "9 o'clock")).await.is(422).has("The schedule was not kept.");
    let kept = member.post(&path, &with("keep", "1")).await;
    kept.is(303);
    let page = kept.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
    member.get(&page).await.is(200).has("Mornings").has("Fri 4 Jan 2030, 08:00");
    let change = format!("{page}/change");
    member.get(&change).await.is(200).has("value=\"09:00\"").has("value=\"fri\" checked").has("Good morning");
    let mut changed = with("times", "10:30");
    changed.push(("keep", "1"));
    member.post(&change, &changed).await.is(303);
    member.get(&page).await.has("Fri 4 Jan 2030, 09:30").has_not("08:00");
    assert_eq!(stage.sql.text(count).await, "1");
}

#[tokio::test]
async fn a_queue_is_filled_and_emptied() {
    let sim = Sim::start();
    let (stage, _crierd, member) = at_work(&sim).await;
    let account = stage.account.to_string();
    let fields = [
        ("name", "Tips"),
        ("queue", "1"),
        ("rest", "7"),
        ("account", account.as_str()),
        ("repeats", "rule"),
        ("rule", "FREQ=DAILY;BYHOUR=8"),
        ("starts", "2030-01-01T00:00"),
        ("zone", "UTC"),
        ("keep", "1"),
    ];
    let kept = member.post(&member.path("/schedules"), &fields).await;
    kept.is(303);
    let page = kept.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
    let id = page.rsplit('/').next().unwrap_or_default().to_owned();
    member.get(&page).await.is(200).has("It is empty");
    member
        .act("add-item", &[("schedule", &id), ("text", "Drink <more>\r\nwater"), ("back", &page)])
        .await
        .is(303);
    let shown = member.get(&page).await;
    shown.has("Drink &lt;more&gt;\nwater").has("not used yet");
    let item = shown.field("item");
    member.act("remove-item", &[("schedule", &id), ("item", &item), ("back", &page)]).await.is(303);
    member.get(&page).await.has("It is empty");
    member.get(&format!("{page}/change")).await.is(200).has("name=\"rest\" type=\"number\" value=\"7\"");
    member.act("end-schedule", &[("schedule", &id), ("back", &page)]).await.is(303);
    member.get(&page).await.has("ended").has_not("/do/");
}

#[tokio::test]
async fn forms_are_for_those_who_may() {
    let two = two().await;
    let (viewer, editor) = (member(&two.url, &two.ours, 0).await, member(&two.url, &two.ours, 1).await);
    let admin = member(&two.url, &two.ours, 2).await;
    let schedule = format!("/schedules/{}", two.ours.names["SCHEDULE"]);
    let account = two.ours.names["ACC"].as_str();
    let fields = [
        ("content", "x"),
        ("account", account),
        ("repeats", "once"),
        ("starts", "2030-01-01T00:00"),
        ("zone", "UTC"),
        ("keep", "1"),
    ];
    let count = "SELECT string_agg(s::text, ',' ORDER BY s.id) FROM crier.schedule AS s";
    let before = two.sql.text(count).await;
    for path in ["/schedules", &format!("{schedule}/change")] {
        viewer.post(&viewer.path(path), &fields).await.is(403).has_not("<textarea");
    }
    let stranger = member(&two.url, &two.theirs, 3).await;
    stranger.post(&stranger.path(&format!("{schedule}/change")), &fields).await.is(404);
    for path in [schedule.as_str(), "/schedules/new", "/posts/new"] {
        viewer.page(path).await.is(200).has_not("data-keep").has_not("/do/");
    }
    assert_eq!(two.sql.text(count).await, before);
    editor.post(&editor.path("/schedules"), &fields).await.is(303);
    // who did what is for admins, and so is connecting
    for person in [&viewer, &editor] {
        person.page("/activity").await.is(403);
        person.page("/posts").await.has_not("/activity");
        person.page("/accounts").await.has_not("Connect an account");
    }
    admin.page("/activity").await.is(200).has("Schedule created").has("Post created");
    admin.page("/activity?of=schedule").await.is(200).has("Schedule created").has_not("Post created");
    admin.page("/accounts").await.has("Connect an account").has("No platform is set up");
    admin.post(&admin.path("/accounts/connect"), &[("platform", "x")]).await.is(404);
    editor.post(&editor.path("/accounts/confirm"), &[("secret", "x")]).await.is(422);
    viewer.page("/analytics?days=7").await.is(200).has("aria-current=\"true\">7 days");
}

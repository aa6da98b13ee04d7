//! End to end against a real WordPress: what it has is what was asked for, once.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::hold_proxy::{HoldProxy, Interference};
use crier_tests::images::{data_url, png};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use crier_tests::wordpress::WordPress;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const POSTS: &str = "/wp-json/wp/v2/posts";

async fn connected(site: &WordPress, proxy: &HoldProxy) -> Stage {
    let database = Database::shared().await;
    let stage =
        Stage::connected_on("wordpress", database, "alice", &proxy.url(), site.password("alice")).await;
    stage.without_pace().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    stage
}

async fn post(stage: &Stage, text: &str, media: &Value, settings: Value) -> Uuid {
    stage.post_as(text, media, &json!({ "wordpress": settings })).await
}

fn image(colour: u8, alt: &str) -> Value {
    json!({"url": data_url("image/png", &png(8, 6, [colour, 80, 20])), "alt": alt})
}

/// What the site shows of a target.
fn shown_as<'p>(posts: &'p [Value], target: &Value) -> &'p Value {
    let id = target["external_id"].as_str().and_then(|id| id.parse::<u64>().ok());
    posts.iter().find(|post| post["id"].as_u64() == id).unwrap_or_else(|| panic!("no {target} in {posts:?}"))
}

#[tokio::test]
async fn a_post_is_on_a_real_site_as_it_was_asked_for() {
    let site = WordPress::start().await;
    let proxy = HoldProxy::start(site.url());
    let stage = connected(&site, &proxy).await;
    let (_, tag) = site.call(Method::POST, "tags", Some(&json!({"name": "news"}))).await;
    let _crierd = stage.deployment.start().await;

    let settings =
        json!({"title": "Grüße & <Ende>", "excerpt": "kurz", "tags": [tag["id"]], "format": "aside"});
    let media = json!([image(1, "featured"), image(2, "a \"desk\" & <b>")]);
    let plain = post(&stage, "One & <two>\nthree\n\n[gallery] 🎉", &media, settings).await;
    let markup = json!({"title": "B", "markup": "html"});
    let html = post(&stage, "<h2>A</h2><script>alert(1)</script>", &json!([]), markup).await;
    let (plain, html) = (stage.published(plain).await, stage.published(html).await);

    let posts = site.posts_of("alice").await;
    assert_eq!(posts.len(), 2, "{posts:?}");
    let shown = shown_as(&posts, &plain);
    assert_eq!((&shown["link"], &shown["status"]), (&plain["url"], &json!("publish")), "{shown}");
    assert_eq!(shown["title"]["rendered"], "Grüße &amp; &lt;Ende&gt;", "{shown}");
    assert_eq!((&shown["excerpt"]["raw"], &shown["format"]), (&json!("kurz"), &json!("aside")), "{shown}");
    assert_eq!(shown["tags"], json!([tag["id"]]), "{shown}");
    let content = shown["content"]["raw"].as_str().expect("the content");
    assert!(
        content
            .starts_with("<p>One &amp; &lt;two&gt;<br />three</p>\n<p>&#091;gallery&#093; 🎉</p>\n<figure"),
        "{content}"
    );
    let rendered = shown["content"]["rendered"].as_str().expect("the page");
    assert!(rendered.contains("[gallery] 🎉") || rendered.contains("&#091;gallery&#093; 🎉"), "{rendered}");

    let (_, media) = site.call(Method::GET, "media?context=edit&orderby=id&order=asc", None).await;
    let alts: Vec<_> = media.as_array().into_iter().flatten().map(|medium| &medium["alt_text"]).collect();
    assert_eq!(alts, [&json!("featured"), &json!("a \"desk\" &")], "an author may write no markup: {media}");
    assert_eq!(shown["featured_media"], media[0]["id"], "{shown}");
    let second = media[1]["source_url"].as_str().expect("an address");
    assert!(
        content.contains(&format!("src=\"{second}\" alt=\"a &quot;desk&quot; &amp; &lt;b&gt;\"")),
        "{content}"
    );

    // what an author may not write the site takes out, and the post is still ours
    let shown = shown_as(&posts, &html);
    assert_eq!(shown["content"]["raw"], "<h2>A</h2>alert(1)", "{shown}");
}

#[tokio::test]
async fn a_lost_answer_and_a_kill_leave_one_post_on_a_real_site() {
    let site = WordPress::start().await;
    let proxy = HoldProxy::start(site.url());
    let stage = connected(&site, &proxy).await;
    let crierd = stage.deployment.start().await;

    // the site has it, and nobody was told
    proxy.plan(POSTS, 1, Interference::DropAnswer);
    let lost = post(&stage, "the answer is lost", &json!([]), json!({"title": "Lost"})).await;
    let target = stage.published(lost).await;
    assert_eq!(site.posts_of("alice").await.len(), 1, "{target}");

    // the site never got it: only a look long after tells
    proxy.plan(POSTS, 1, Interference::DropRequest);
    let unsent = post(&stage, "never arrived", &json!([]), json!({"title": "Unsent"})).await;
    wait_until("the state of the target", json!("unknown"), async || {
        stage.target(unsent).await["state"].clone()
    })
    .await;
    assert_eq!(site.posts_of("alice").await.len(), 1);
    let target = stage.ended(unsent).await;
    assert_eq!((&target["state"], site.posts_of("alice").await.len()), (&json!("published"), 2), "{target}");

    // an upload without an answer is found again
    proxy.plan("/wp-json/wp/v2/media", 2, Interference::DropAnswer);
    let media = json!([image(1, "once")]);
    let uploaded = post(&stage, "an upload", &media, json!({"title": "Upload"})).await;
    stage.published(uploaded).await;
    let (_, library) = site.call(Method::GET, "media", None).await;
    assert_eq!(library.as_array().map(Vec::len), Some(1), "{library}");

    // killed between the site's commit and our knowledge of it
    proxy.plan(POSTS, 1, Interference::HoldAnswer);
    let killed = post(&stage, "killed", &json!([]), json!({"title": "Killed"})).await;
    wait_until("the number of held answers", 1, async || proxy.held()).await;
    crierd.kill();
    proxy.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = stage.deployment.start().await;
    let target = stage.published(killed).await;
    let posts = site.posts_of("alice").await;
    let titles: Vec<_> = posts.iter().map(|post| &post["title"]["raw"]).collect();
    assert_eq!(titles, ["Lost", "Unsent", "Upload", "Killed"], "{target}");
    assert_eq!(posts[3]["link"], target["url"]);
}

#[tokio::test]
async fn a_slug_does_not_stop_a_second_post_and_a_look_finds_the_first() {
    let site = WordPress::start().await;
    let proxy = HoldProxy::start(site.url());
    let stage = connected(&site, &proxy).await;
    let _crierd = stage.deployment.start().await;
    let id = post(&stage, "found", &json!([]), json!({"title": "Found"})).await;
    let first = stage.published(id).await;
    let slug: String = stage.sql.value("SELECT platform_key FROM crier.post_target", &[]).await;
    // this is what would come of sending again
    let request: String = stage.sql.value("SELECT request FROM crier.post_target", &[]).await;
    let again = serde_json::from_str(&request).expect("JSON");
    let (status, second) = site.call(Method::POST, "posts", Some(&again)).await;
    assert_eq!((status, &second["slug"]), (201, &json!(format!("{slug}-2"))), "{second}");

    let outcome = async || {
        backdoor::forget_outcome(&stage.sql, id).await;
        backdoor::undo_end_of_job(&stage.sql, id).await;
        stage.sql.run("NOTIFY crier_jobs").await;
        stage.ended(id).await
    };
    let found = outcome().await;
    assert_eq!(
        (&found["state"], &found["external_id"]),
        (&json!("published"), &first["external_id"]),
        "{found}"
    );

    // somebody puts it into the trash: the slug is another one then, and it is not sent again
    let path = format!("posts/{}", first["external_id"].as_str().expect("an id"));
    site.call(Method::DELETE, &path, None).await;
    let trashed = outcome().await;
    assert_eq!(trashed["state"], "unconfirmed", "expected a person to be asked: {trashed}");
    assert_eq!(site.posts_of("alice").await.len(), 1);
}

#[tokio::test]
async fn what_a_real_site_refuses_has_its_class() {
    let site = WordPress::start().await;
    let proxy = HoldProxy::start(site.url());
    let stage = connected(&site, &proxy).await;
    // who may not publish is not connected, nor who says another's name
    for (user, password, word) in [
        ("carol", site.password("carol"), "publish_posts"),
        ("bob", site.password("alice"), "not currently logged in"),
        ("alice", "wrong wrong wrong", "not currently logged in"),
    ] {
        let add =
            stage.deployment.try_add_account_on("wordpress", stage.workspace, user, site.url(), password);
        assert!(!add.status.success() && add.stderr.contains(word), "{user}: {add:?}");
        assert!(!add.stderr.contains(password), "{add:?}");
    }
    let _crierd = stage.deployment.start().await;
    let kept = post(&stage, "regretted", &json!([]), json!({"title": "Kept"})).await;
    let target = stage.published(kept).await;
    let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let comment = json!({"post": target["external_id"].as_str().and_then(|id| id.parse::<u64>().ok()), "content": "Aha"});
    assert_eq!(site.call(Method::POST, "comments", Some(&comment)).await.0, 201);
    stage.sql.value::<Uuid>("SELECT crier.read_metrics($1)", &[&id]).await;
    wait_until("the figures", json!(1), async || stage.target(kept).await["metrics"]["replies"].clone())
        .await;
    // for good, and a second time too
    for _ in 0..2 {
        stage.sql.value::<Uuid>("SELECT crier.delete_published($1)", &[&id]).await;
        wait_for("the post to be gone", SOON, async || {
            let left = site.posts_of("alice").await;
            if left.is_empty() && stage.target(kept).await["deleted_at"].is_string() {
                Ok(())
            } else {
                Err(left)
            }
        })
        .await;
        stage.sql.run("UPDATE crier.post_target SET deleted_at = NULL").await;
    }

    // the password is taken back: posts wait for a new one
    site.call(Method::DELETE, "users/2/application-passwords", None).await;
    let waits = post(&stage, "waits", &json!([]), json!({"title": "Waits"})).await;
    wait_until("the error of the target", json!("auth_revoked"), async || {
        stage.target(waits).await["error"]["class"].clone()
    })
    .await;
    let (_, made) =
        site.call(Method::POST, "users/2/application-passwords", Some(&json!({"name": "Crier again"}))).await;
    let password = made["password"].as_str().expect("a password");
    let again =
        stage.deployment.add_account_on("wordpress", stage.workspace, "alice", &proxy.url(), password);
    assert_eq!(again, stage.account);
    stage.published(waits).await;
    assert_eq!(site.posts_of("alice").await.len(), 1);
    assert!(!stage.deployment.logs().contains(password), "a password is in the log");
}

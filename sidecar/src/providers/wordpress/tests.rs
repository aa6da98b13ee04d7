//! The provider against a site that answers by a script.

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::providers::bare;
use crate::providers::fake_server::{Script, Scripted, garbage, told};
use crate::providers::sought;

const PASSWORD: &str = "canary pass word";
/// A GIF of 3 by 2 pixels.
const GIF: &str = "data:image/gif;base64,R0lGODdhAwACAIAAAAAAAP///ywAAAAAAwACAAACAoRdADs=";
const KEY: &str = "01a1ee56-5e00-7000-8000-000000000000";
const SLUG: &str = "a-title-01a1ee565e0070008000000000000000";

fn provider() -> WordPress {
    WordPress { client: Client::new().unwrap(), fetcher: Fetcher::new().unwrap() }
}

fn caller(script: &Script) -> Caller {
    script.caller("7", "alice", PASSWORD)
}

fn post(media: Value) -> Post {
    let settings =
        json!({"title": "A title", "excerpt": "ex", "categories": [3], "tags": [1, 2], "format": "aside"});
    Post { content: "Grüße\n\n<b> 🎉".into(), media, settings, attempt: 1, reply_to: None }
}

fn frozen() -> Frozen {
    publish::draft(&post(json!([])), &Value::Null, KEY).unwrap()
}

fn shown(changes: &Value) -> Value {
    let mut post = json!({"id": 9, "slug": SLUG, "status": "publish", "link": "https://a.example/a-title/", "author": 7});
    for (name, value) in changes.as_object().into_iter().flatten() {
        post[name] = value.clone();
    }
    post
}

fn medium(id: u64) -> Value {
    json!({"id": id, "slug": "x", "source_url": format!("https://a.example/{id}.gif"), "author": 7})
}

/// A list, as WordPress gives one.
fn list(total: usize, posts: &Value) -> Scripted {
    (200, vec![("x-wp-total", total.to_string())], posts.to_string().into_bytes())
}

fn me(changes: &Value) -> Scripted {
    let mut me = json!({"id": 7, "username": "alice", "capabilities": {
        "edit_posts": true, "publish_posts": true, "edit_published_posts": true}});
    for (name, value) in changes.as_object().into_iter().flatten() {
        me[name] = value.clone();
    }
    told(200, &me)
}

/// Every request that is built, as it arrives, in `tests/fixtures/wordpress/requests.json`.
#[tokio::test]
async fn requests_are_built_as_recorded() {
    let script = Script::start(vec![
        me(&json!({})),
        list(0, &json!([])),
        told(201, &medium(11)),
        list(0, &json!([])),
        told(201, &medium(12)),
        told(201, &shown(&json!({}))),
        list(0, &json!([])),
        told(200, &json!({"deleted": true})),
        told(200, &json!({"id": 9})),
        list(3, &json!([{"id": 1}])),
        told(200, &json!({"name": "A site"})),
    ])
    .await;
    let (provider, caller) = (provider(), caller(&script));
    let login = provider.login(&script.url, "@Alice", &PASSWORD.into()).await.unwrap();
    assert_eq!((login.external_id.as_str(), login.handle.as_str()), ("7", "alice"));
    let post = post(json!([{"url": GIF, "alt": "first"}, {"url": GIF, "alt": "a \"desk\""}]));
    // the name of the uploads is another one each time
    let mut prepared = json!({"name": "crier-name"});
    while let Some(more) = provider.prepare(&caller, &post, &prepared).await.unwrap() {
        prepared = more;
    }
    let frozen = publish::draft(&post, &prepared, KEY).unwrap();
    let published = provider.commit(&caller, &bare(), &frozen).await.unwrap();
    assert_eq!((published.external_id.as_str(), published.url.as_str()), ("9", "https://a.example/a-title/"));
    assert_eq!(
        provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await,
        Ok(Found::Absent)
    );
    provider.act(&caller, &Act::Delete { post: "9".into() }).await.unwrap();
    assert_eq!(provider.metrics(&caller, "9").await.unwrap().replies, Some(3));
    provider.reach(&script.url).await.unwrap();
    let built = serde_json::to_string_pretty(&script.seen()).unwrap();
    let recorded = include_str!("../../../../tests/fixtures/wordpress/requests.json");
    assert!(built == recorded.trim_end(), "these requests are not the recorded ones:\n{built}");
}

#[tokio::test]
async fn a_login_needs_the_right_account_and_its_rights() {
    for (answer, class, word) in [
        (me(&json!({"username": "bob"})), ErrorClass::Permission, "bob"),
        (me(&json!({"capabilities": {"edit_posts": true}})), ErrorClass::Permission, "publish_posts"),
        (me(&json!({"capabilities": []})), ErrorClass::Permission, "edit_posts"),
        (told(401, &json!({"code": "rest_not_logged_in", "message": "no"})), ErrorClass::AuthRevoked, "no"),
        (told(404, &json!("<html>")), ErrorClass::Config, "404"),
    ] {
        let script = Script::start(vec![answer]).await;
        let failure = provider().login(&script.url, "alice", &PASSWORD.into()).await.unwrap_err();
        assert!(failure.class == class && failure.message.contains(word), "{failure}");
        assert!(!failure.message.contains(PASSWORD), "{failure}");
    }
}

#[tokio::test]
async fn an_upload_that_is_there_is_not_made_again() {
    let there =
        json!([{"id": 11, "slug": "crier-x-1", "source_url": "https://a.example/1.gif", "author": 7}]);
    let script = Script::start(vec![list(1, &there)]).await;
    let (post, named) = (post(json!([{"url": GIF}])), json!({"name": "crier-x"}));
    let prepared = provider().prepare(&caller(&script), &post, &named).await.unwrap().unwrap();
    assert_eq!(prepared["images"], json!([{"id": 11, "address": "https://a.example/1.gif"}]));
    // what somebody else has under that name is not ours
    let theirs =
        json!([{"id": 11, "slug": "crier-x-1", "source_url": "https://a.example/1.gif", "author": 8}]);
    let script = Script::start(vec![list(1, &theirs), told(201, &medium(12))]).await;
    let prepared = provider().prepare(&caller(&script), &post, &named).await.unwrap().unwrap();
    assert_eq!(prepared["images"][0]["id"], 12);
    // nothing goes into a page that is not an address
    let odd = json!({"id": 12, "slug": "x", "source_url": "https://a.example/\"><script>", "author": 7});
    let script = Script::start(vec![list(0, &json!([])), told(201, &odd)]).await;
    let failure = provider().prepare(&caller(&script), &post, &named).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Transient);
}

#[tokio::test]
async fn names_of_uploads_are_made_before_the_first() {
    let script = Script::start(vec![]).await;
    let (post, caller) = (post(json!([{"url": GIF}])), caller(&script));
    let one = provider().prepare(&caller, &post, &Value::Null).await.unwrap().unwrap();
    let two = provider().prepare(&caller, &post, &Value::Null).await.unwrap().unwrap();
    assert!(one["name"].as_str().is_some_and(|name| name.starts_with("crier-")) && one != two, "{one}");
    assert!(script.seen().is_empty());
}

#[tokio::test]
async fn only_wordpress_proves_that_nothing_is_there() {
    let look = async |answer: Scripted| {
        let script = Script::start(vec![answer]).await;
        let caller = caller(&script);
        let found = provider().look(&caller.account, Some(&caller.session), sought(&frozen())).await;
        found.map_err(|failure| failure.class)
    };
    let there = |changes: Value| list(1, &json!([shown(&changes)]));
    assert!(matches!(look(there(json!({}))).await, Ok(Found::Same(post)) if post.external_id == "9"));
    assert_eq!(look(list(0, &json!([]))).await, Ok(Found::Absent));
    // there is one that we are not shown
    assert_eq!(look(list(1, &json!([]))).await, Ok(Found::Other));
    assert_eq!(look(told(200, &json!([]))).await, Err(ErrorClass::Transient));
    for changed in [
        json!({"status": "draft"}),
        json!({"status": "trash", "slug": format!("{SLUG}__trashed")}),
        json!({"author": 8}),
        json!({"slug": format!("{SLUG}-2")}),
    ] {
        assert_eq!(look(there(changed.clone())).await, Ok(Found::Other), "{changed}");
    }
    for odd in [json!({"id": "9"}), json!({"slug": null}), json!({"author": {}})] {
        assert_eq!(look(there(odd.clone())).await, Err(ErrorClass::Transient), "{odd}");
    }
    assert_eq!(look(there(json!({"link": "javascript:x"}))).await, Err(ErrorClass::OutcomeUnknown));
    let script = Script::start(vec![]).await;
    let failure = provider().look(&caller(&script).account, None, sought(&frozen())).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::AuthRevoked);
}

#[tokio::test]
async fn only_a_post_that_is_out_is_published() {
    for changed in [json!({"status": "pending"}), json!({"link": ""}), json!({"id": "9"})] {
        let script = Script::start(vec![told(201, &shown(&changed))]).await;
        let failure = provider().commit(&caller(&script), &bare(), &frozen()).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::OutcomeUnknown, "{changed}");
    }
    // WordPress warns in front of its answer
    let warned = format!("<br />\n<b>Warning</b>: x{}", shown(&json!({})));
    let script = Script::start(vec![(201, vec![], warned.into_bytes())]).await;
    let failure = provider().commit(&caller(&script), &bare(), &frozen()).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::OutcomeUnknown);
}

#[tokio::test]
async fn what_is_gone_already_is_taken_back_and_nothing_else_is_offered() {
    let act = async |answer: Scripted, act: Act| {
        let script = Script::start(vec![answer]).await;
        provider().act(&caller(&script), &act).await.map_err(|failure| failure.class)
    };
    let delete = || Act::Delete { post: "9".into() };
    let gone = told(404, &json!({"code": "rest_post_invalid_id", "message": "Invalid post ID."}));
    assert_eq!(act(gone, delete()).await, Ok(Done::default()));
    let page = (404, vec![], b"<html>".to_vec());
    assert_eq!(act(page, delete()).await, Err(ErrorClass::Transient));
    let odd = Act::Delete { post: "../users/1".into() };
    assert_eq!(act(told(200, &json!({})), odd).await, Err(ErrorClass::ContentInvalid));
    let like = Act::Like { post: "9".into(), key: Uuid::nil() };
    assert_eq!(act(told(200, &json!({})), like).await, Err(ErrorClass::Unsupported));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_is_published_by_nonsense(
        status in 200_u16..600,
        body in garbage(&["id", "slug", "status", "link", "author", "code", "message", "data", "details"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let script = Script::always((status, vec![], body)).await;
            let (provider, caller) = (provider(), caller(&script));
            let sent = provider.commit(&caller, &bare(), &frozen()).await.unwrap_err();
            assert!(status != 200 || sent.class == ErrorClass::OutcomeUnknown, "{sent}");
            let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen())).await;
            assert!(!matches!(seen, Ok(Found::Same(_) | Found::Absent)), "{seen:?}");
            let named = json!({"name": "crier-x"});
            let _ = provider.prepare(&caller, &post(json!([{"url": GIF}])), &named).await;
            assert!(provider.login(&script.url, "alice", &PASSWORD.into()).await.is_err());
            assert!(provider.refresh(&caller).await.is_err());
            let _ = provider.metrics(&caller, "9").await;
            let _ = provider.act(&caller, &Act::Delete { post: "9".into() }).await;
        });
    }
}

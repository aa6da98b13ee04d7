//! The provider against a server that answers by a script.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::providers::fake_server::{Script, Scripted, garbage, told};
use crate::providers::{Theirs, bare, sought};

const JWT: &str = "eyJcanary.eyJcanary.canary";
/// Made at 2026-11-18T11:06:40Z.
const KEY: &str = "01a1ee56-5e00-7000-8000-000000000000";

fn provider() -> Lemmy {
    Lemmy { client: Client::new().unwrap() }
}

fn caller(script: &Script) -> Caller {
    script.caller("7", "alice", JWT)
}

fn post(reply_to: Option<&str>) -> Post {
    let settings = match reply_to {
        Some(post) => json!({"reply_to": post}),
        None => json!({"title": "A title", "community": "rust@b.example", "nsfw": true, "language": "de"}),
    };
    let media = if reply_to.is_some() {
        json!([])
    } else {
        json!([{"url": "https://a.example/a.png", "alt": "a desk"}])
    };
    Post {
        content: "Grüße 🎉".into(), media, settings, attempt: 1, reply_to: reply_to.map(str::to_owned)
    }
}

fn frozen(comment: bool) -> Frozen {
    let prepared = json!({"community": 5, "language": 37, "parent": {"post": 9}});
    publish::draft(&post(comment.then_some("9")), &prepared, KEY.into()).unwrap()
}

/// The site, where choices are changed.
fn site(choices: &Value, languages: &Value) -> Scripted {
    let mut local_user = json!({"show_nsfw": true, "show_bot_accounts": false, "show_read_posts": true});
    for (name, value) in choices.as_object().into_iter().flatten() {
        local_user[name] = value.clone();
    }
    told(
        200,
        &json!({
            "my_user": {"local_user_view": {"local_user": local_user, "person": {"id": 7, "name": "alice"}},
                        "instance_blocks": [{"instance": {"id": 3}}], "discussion_languages": languages},
            "all_languages": [{"id": 0, "code": "und"}, {"id": 37, "code": "de"}, {"id": 38, "code": "en"}],
        }),
    )
}

fn usual() -> Scripted {
    site(&json!({}), &json!([0, 37]))
}

fn shown(changes: &Value) -> Value {
    let mut post = json!({"id": 11, "ap_id": "https://a.example/post/11", "name": "A title", "body": "Grüße 🎉",
                          "community_id": 5, "published": "2026-11-18T11:06:45.123456Z"});
    for (name, value) in changes.as_object().into_iter().flatten() {
        post[name] = value.clone();
    }
    json!({"post": post, "counts": {"upvotes": 3, "comments": 2}})
}

fn comment(path: &str) -> Value {
    json!({"comment": {"id": 12, "ap_id": "https://a.example/comment/12", "content": "Grüße 🎉", "post_id": 9,
                       "path": path, "published": "2026-11-18T11:06:45Z"}})
}

/// The community, where something about it is changed.
fn community(changes: &Value) -> Scripted {
    let mut community =
        json!({"id": 5, "instance_id": 1, "hidden": false, "deleted": false, "removed": false});
    let mut view = json!({"blocked": false});
    for (name, value) in changes.as_object().into_iter().flatten() {
        let of = if name == "blocked" { &mut view } else { &mut community };
        of[name] = value.clone();
    }
    view["community"] = community;
    told(200, &json!({ "community_view": view }))
}

/// The post that is commented.
fn commented() -> Scripted {
    told(200, &json!({"post_view": {"post": {"id": 9, "community_id": 5}}}))
}

fn own(posts: &[Value], comments: &[Value]) -> Scripted {
    told(200, &json!({"person_view": {"person": {"id": 7}}, "posts": posts, "comments": comments}))
}

async fn prepare_all(provider: &Lemmy, caller: &Caller, post: &Post) -> Result<Value, Failure> {
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(caller, post, &prepared).await? {
        prepared = more;
    }
    Ok(prepared)
}

/// Every request that is built, as it arrives, in `tests/fixtures/lemmy/requests.json`.
#[tokio::test]
async fn requests_are_built_as_recorded() {
    let done = || told(200, &json!({}));
    let script = Script::start(vec![
        told(200, &json!({"jwt": JWT})),
        usual(),
        usual(),
        community(&json!({})),
        usual(),
        told(200, &json!({"post_view": shown(&json!({}))})),
        usual(),
        own(&[], &[]),
        community(&json!({})),
        own(&[], &[]),
        usual(),
        community(&json!({})),
        told(200, &json!({"post": {"post": {"id": 9}}})),
        commented(),
        usual(),
        community(&json!({})),
        told(200, &json!({"comment_view": comment("0.12")})),
        told(200, &json!({"comment_view": {"comment": {"id": 6, "post_id": 9}}})),
        commented(),
        usual(),
        community(&json!({})),
        done(),
        done(),
        done(),
        told(200, &json!({"post_view": shown(&json!({}))})),
        done(),
    ])
    .await;
    let (provider, caller) = (provider(), caller(&script));
    let login = provider.login(&script.url, "@alice@a.example", &"canary password".into()).await.unwrap();
    assert_eq!((login.external_id.as_str(), login.handle.as_str()), ("7", "alice"));
    let new = post(None);
    let prepared = prepare_all(&provider, &caller, &new).await.unwrap();
    let frozen = publish::draft(&new, &prepared, KEY.into()).unwrap();
    let published = provider.commit(&caller, &bare(), &frozen).await.unwrap();
    assert_eq!((published.external_id.as_str(), published.url.as_str()), ("11", "https://a.example/post/11"));
    let found = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
    assert_eq!(found, Ok(Found::Absent));
    let answer = post(Some("https://b.example/post/4"));
    let prepared = prepare_all(&provider, &caller, &answer).await.unwrap();
    let frozen = publish::draft(&answer, &prepared, KEY.into()).unwrap();
    let published = provider.commit(&caller, &bare(), &frozen).await.unwrap();
    assert_eq!(published.external_id, "comment-12");
    let prepared = prepare_all(&provider, &caller, &post(Some("comment-6"))).await.unwrap();
    assert_eq!(prepared, json!({"community": 5, "parent": {"post": 9, "comment": 6}}));
    for act in [
        Act::Like { post: "11".into(), key: Uuid::nil() },
        Act::Delete { post: "11".into() },
        Act::Delete { post: "comment-12".into() },
    ] {
        provider.act(&caller, &act).await.unwrap();
    }
    let metrics = provider.metrics(&caller, "11").await.unwrap();
    assert_eq!((metrics.likes, metrics.replies), (Some(3), Some(2)));
    provider.reach(&script.url).await.unwrap();
    let built = serde_json::to_string_pretty(&script.seen()).unwrap();
    let recorded = include_str!("../../../../tests/fixtures/lemmy/requests.json");
    assert!(built == recorded.trim_end(), "these requests are not the recorded ones:\n{built}");
}

#[tokio::test]
async fn a_login_is_of_the_right_account_and_sees_its_own_posts() {
    let login = async |answers: Vec<Scripted>, secret: &str| {
        let script = Script::start(answers).await;
        let login = provider().login(&script.url, "alice", &secret.into()).await;
        login.map(|login| login.external_id)
    };
    assert_eq!(login(vec![usual()], JWT).await, Ok("7".into()));
    for (answer, class, word) in [
        (site(&json!({"show_nsfw": false}), &json!([])), ErrorClass::Permission, "NSFW"),
        (site(&json!({"show_read_posts": false}), &json!([])), ErrorClass::Permission, "read posts"),
        (site(&json!({}), &json!([37])), ErrorClass::Permission, "Undetermined"),
        (told(200, &json!({"my_user": null})), ErrorClass::AuthRevoked, "session"),
        (told(200, &json!({})), ErrorClass::AuthRevoked, "session"),
    ] {
        let failure = login(vec![answer], JWT).await.unwrap_err();
        assert!(failure.class == class && failure.message.contains(word), "{failure}");
        assert!(!failure.message.contains(JWT), "{failure}");
    }
    let factor = told(400, &json!({"error": "missing_totp_token"}));
    let failure = login(vec![factor], "canary password").await.unwrap_err();
    assert!(failure.class == ErrorClass::Permission && failure.message.contains("jwt"), "{failure}");
    let script = Script::start(vec![usual()]).await;
    let failure = provider().login(&script.url, "bob", &JWT.into()).await.unwrap_err();
    assert!(failure.message.contains("alice") && failure.message.contains("bob"), "{failure}");
}

async fn look_beside(theirs: &'static [&'static str], answers: Vec<Scripted>) -> Result<Found, ErrorClass> {
    look_of(false, theirs, answers).await
}

async fn look_of(
    comment: bool,
    theirs: &'static [&'static str],
    answers: Vec<Scripted>,
) -> Result<Found, ErrorClass> {
    let answers = std::iter::once(usual()).chain(answers).collect();
    let script = Script::start(answers).await;
    let (caller, frozen) = (caller(&script), frozen(comment));
    let sought = Sought { others: &Theirs(theirs), ..sought(&frozen) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    assert_eq!(script.left(), 0, "{found:?}");
    found.map_err(|failure| failure.class)
}

#[tokio::test]
async fn a_post_is_told_by_community_title_and_text() {
    let of = |changes: Value| vec![own(&[shown(&changes)], &[])];
    let same = look_beside(&[], of(json!({}))).await;
    assert!(matches!(&same, Ok(Found::Same(post)) if post.external_id == "11"), "{same:?}");
    // what is not there is only believed of where it would be seen
    let seen = || vec![community(&json!({}))];
    let absent = |changes: Value| [of(changes.clone()), seen(), of(changes), vec![usual()], seen()].concat();
    assert_eq!(look_beside(&["11"], absent(json!({}))).await, Ok(Found::Absent));
    assert_eq!(look_beside(&[], absent(json!({"community_id": 6}))).await, Ok(Found::Absent));
    assert_eq!(look_beside(&[], of(json!({"body": "changed"}))).await, Ok(Found::Other));
    assert_eq!(look_beside(&[], of(json!({"name": "Changed"}))).await, Ok(Found::Other));
    assert_eq!(look_beside(&[], absent(json!({"name": "x", "body": "y"}))).await, Ok(Found::Absent));
    assert_eq!(
        look_beside(&[], absent(json!({"published": "2026-11-18T11:00:00Z"}))).await,
        Ok(Found::Absent)
    );
    for hiding in [
        json!({"blocked": true}),
        json!({"instance_id": 3}),
        json!({"hidden": true}),
        json!({"deleted": true}),
        json!({"removed": true}),
        json!({"instance_id": null}),
    ] {
        let unseen = look_beside(&[], vec![own(&[], &[]), community(&hiding)]).await;
        assert_eq!(unseen, Err(ErrorClass::Transient), "{hiding}");
        // hidden since it was asked
        let before = [vec![own(&[], &[])], seen(), vec![own(&[], &[]), usual()]].concat();
        let unseen = look_beside(&[], [before, vec![community(&hiding)]].concat()).await;
        assert_eq!(unseen, Err(ErrorClass::Transient), "{hiding}");
    }
    // shown since it was listed
    let shown_since = [vec![own(&[], &[])], seen(), of(json!({}))].concat();
    assert!(matches!(look_beside(&[], shown_since).await, Ok(Found::Same(_))));
    for odd in [json!({"id": "11"}), json!({"name": 7}), json!({"ap_id": null})] {
        assert_eq!(look_beside(&[], of(odd.clone())).await, Err(ErrorClass::Transient), "{odd}");
    }
    let other = told(200, &json!({"person_view": {"person": {"id": 8}}, "posts": [], "comments": []}));
    assert_eq!(look_beside(&[], vec![other]).await, Err(ErrorClass::Transient));
    let full: Vec<_> = (0..10).map(|id| shown(&json!({"id": id, "name": "x", "body": "y"}))).collect();
    assert_eq!(look_beside(&[], vec![own(&full, &[]); 5]).await, Err(ErrorClass::Transient));
}

#[tokio::test]
async fn a_comment_is_told_by_place_and_text() {
    let of = |path: &str| vec![own(&[], &[comment(path)])];
    let same = look_of(true, &[], of("0.12")).await;
    assert!(matches!(&same, Ok(Found::Same(post)) if post.external_id == "comment-12"), "{same:?}");
    let place = |changes: &Value| vec![commented(), community(changes)];
    let absent = |path: &str, changes: Value| {
        [of(path), place(&changes), of(path), vec![usual()], place(&changes)].concat()
    };
    assert_eq!(look_of(true, &["comment-12"], absent("0.12", json!({}))).await, Ok(Found::Absent));
    // a hidden community hides no comments
    assert_eq!(look_of(true, &[], absent("0.3.12", json!({"hidden": true}))).await, Ok(Found::Absent));
    for hiding in [json!({"blocked": true}), json!({"instance_id": 3})] {
        let unseen = look_of(true, &[], [of("0.3.12"), place(&hiding)].concat()).await;
        assert_eq!(unseen, Err(ErrorClass::Transient), "{hiding}");
    }
}

#[tokio::test]
async fn old_posts_that_are_pinned_end_no_look() {
    let old = |id: u64, pinned: bool| {
        shown(
            &json!({"id": id, "published": "2026-11-18T10:00:00Z", "name": "x", "body": "y", "featured_local": pinned}),
        )
    };
    let pinned: Vec<_> = (20..30).map(|id| old(id, true)).collect();
    let mut mixed = pinned.clone();
    mixed[9] = shown(&json!({"id": 30, "name": "x", "body": "y"}));
    let last = || own(&[shown(&json!({})), old(1, false)], &[]);
    for pages in [vec![own(&pinned, &[]), last()], vec![own(&mixed, &[]), last()]] {
        let found = look_beside(&[], pages).await;
        assert!(matches!(&found, Ok(Found::Same(post)) if post.external_id == "11"), "{found:?}");
    }
    mixed[9] = old(30, false);
    let listed = || own(&mixed, &[]);
    let answers = vec![listed(), community(&json!({})), listed(), usual(), community(&json!({}))];
    let ended = look_beside(&[], answers).await;
    assert_eq!(ended, Ok(Found::Absent));
    assert_eq!(look_beside(&[], vec![own(&pinned, &[]); 5]).await, Err(ErrorClass::Transient));
}

#[tokio::test]
async fn nothing_is_written_where_the_account_would_not_see_it() {
    for (to, before) in [(None, vec![usual()]), (Some("9"), vec![commented(), usual()])] {
        for (hiding, hides) in
            [("blocked", json!(true)), ("instance_id", json!(3)), ("hidden", json!(true)), ("id", json!(5))]
        {
            let answers = [before.clone(), vec![community(&json!({ hiding: hides })), usual()]].concat();
            let script = Script::start(answers).await;
            let prepared = prepare_all(&provider(), &caller(&script), &post(to)).await;
            let expected = match hiding {
                "id" => None,
                "hidden" if to.is_some() => None,
                _ => Some(ErrorClass::Permission),
            };
            assert_eq!(prepared.err().map(|failure| failure.class), expected, "{hiding} {to:?}");
        }
    }
}

#[tokio::test]
async fn a_list_is_not_believed_that_may_hide_a_post() {
    for hiding in [
        site(&json!({"show_nsfw": false}), &json!([])),
        site(&json!({"show_read_posts": false}), &json!([])),
        site(&json!({}), &json!([37])),
        told(200, &json!({"my_user": null})),
        told(200, &json!({"my_user": {"local_user_view": {}}})),
    ] {
        let script = Script::start(vec![hiding]).await;
        let caller = caller(&script);
        let found = provider().look(&caller.account, Some(&caller.session), sought(&frozen(false))).await;
        assert!(found.is_err(), "{found:?}");
    }
}

#[tokio::test]
async fn what_is_gone_already_is_taken_back() {
    let delete = async |answers: Vec<Scripted>, post: &str| {
        let script = Script::start(answers).await;
        let act = Act::Delete { post: post.into() };
        provider().act(&caller(&script), &act).await.map(drop).map_err(|failure| failure.class)
    };
    let again = || told(400, &json!({"error": "couldnt_update_post"}));
    let viewed = |deleted: bool| told(200, &json!({"post_view": {"post": {"deleted": deleted}}}));
    assert_eq!(delete(vec![again(), viewed(true)], "11").await, Ok(()));
    assert_eq!(delete(vec![again(), viewed(false)], "11").await, Err(ErrorClass::ContentInvalid));
    assert_eq!(delete(vec![told(404, &json!({"error": "couldnt_find_post"}))], "11").await, Ok(()));
    assert_eq!(delete(vec![told(500, &json!({}))], "11").await, Err(ErrorClass::Transient));
    // the community
    assert_eq!(
        delete(vec![told(400, &json!({"error": "deleted"}))], "11").await,
        Err(ErrorClass::TargetMissing)
    );
    assert_eq!(delete(vec![], "https://a.example/post/11").await, Err(ErrorClass::ContentInvalid));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_is_published_by_nonsense(
        status in 200_u16..600,
        body in garbage(&["post_view", "comment_view", "post", "id", "ap_id", "my_user", "posts", "comments", "error"]),
        comment in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let script = Script::always((status, vec![], body)).await;
            let (provider, caller) = (provider(), caller(&script));
            let sent = provider.commit(&caller, &bare(), &frozen(comment)).await.unwrap_err();
            assert!(status > 202 || sent.class == ErrorClass::OutcomeUnknown, "{sent}");
            let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen(comment))).await;
            assert!(seen.is_err(), "{seen:?}");
            for reply_to in [None, Some("comment-6"), Some("https://b.example/post/4")] {
                assert!(provider.prepare(&caller, &post(reply_to), &Value::Null).await.is_err());
            }
            assert!(provider.login(&script.url, "alice", &JWT.into()).await.is_err());
            assert!(provider.login(&script.url, "alice", &"canary password".into()).await.is_err());
            assert!(provider.refresh(&caller).await.is_err());
            let _ = provider.metrics(&caller, "11").await;
            let _ = provider.act(&caller, &Act::Delete { post: "11".into() }).await;
        });
    }
}

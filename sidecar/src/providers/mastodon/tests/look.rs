//! Looks among the account's own posts.

use super::*;

/// What a look finds in these pages; every text is that of the source after its page.
async fn look(answers: &[(u16, Value)]) -> Result<Found, Failure> {
    look_beside(&[], answers).await
}

/// The same where these posts are other targets'.
async fn look_beside(theirs: &'static [&str], answers: &[(u16, Value)]) -> Result<Found, Failure> {
    let (provider, caller, script) = scripted(answers).await;
    let frozen = frozen(r#"{"status":"hi"}"#);
    let sought = Sought { others: &Theirs(theirs), ..sought(&frozen) };
    let found = provider.look(&caller.account, Some(&caller.session), sought).await;
    assert!(script.answers.lock().unwrap().is_empty(), "{answers:?}: {found:?}");
    found
}

fn at(id: &str, time: &str) -> Value {
    let mut post = shown(id);
    post["created_at"] = json!(time);
    post
}

#[tokio::test]
async fn of_equal_posts_the_earliest_is_ours() {
    let page = json!([shown("9"), shown("8"), at("7", "2026-11-18T11:05:39.999Z")]);
    let answers = [(200, page.clone()), (200, source("hi")), (200, source("hi"))];
    let Ok(Found::Same(published)) = look(&answers).await else { panic!("not found") };
    assert_eq!(
        published,
        Published { external_id: "8".into(), url: "https://a.example/@alice/8".into(), cid: None }
    );
    assert_eq!(look(&[(200, page), (200, source("a")), (200, source("b"))]).await, Ok(Found::Absent));
}

#[tokio::test]
async fn a_post_of_another_target_is_passed_over() {
    let page = (200, json!([shown("9"), shown("8"), at("7", "2026-11-18T11:05:39.999Z")]));
    let answers = [page, (200, source("hi")), (200, source("hi"))];
    let found = async |theirs| match look_beside(theirs, &answers).await {
        Ok(Found::Same(published)) => published.external_id,
        other => format!("{other:?}"),
    };
    assert_eq!(found(&["8"]).await, "9");
    assert_eq!(found(&["9"]).await, "8");
    assert_eq!(found(&["8", "9"]).await, "Ok(Absent)");
    let mut edited = shown("9");
    edited["edited_at"] = json!("2026-11-18T11:10:00Z");
    let doubt = [(200, json!([edited])), (200, source("changed")), (200, json!([]))];
    assert_eq!(look_beside(&["9"], &doubt).await, Ok(Found::Absent));
    assert_eq!(look_beside(&["8"], &doubt).await, Ok(Found::Other));
}

#[tokio::test]
async fn a_list_is_followed_until_it_is_old_enough() {
    let old = || (200, json!([at("2", "2026-11-18T10:00:00Z")]));
    let newer = |id: &str| (200, json!([at(id, "2026-11-18T11:06:41Z")]));
    let other = || (200, source("other"));
    assert_eq!(look(&[newer("9"), other(), old()]).await, Ok(Found::Absent));
    assert_eq!(look(&[(200, json!([]))]).await, Ok(Found::Absent));
    let answers: Vec<_> = (0..5).flat_map(|n| [newer(&format!("{}", 9 - n)), other()]).collect();
    let failure = look(&answers).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Transient, "{failure}");
}

#[tokio::test]
async fn the_same_text_that_answers_nothing_is_ours_only_if_what_was_answered_is_gone() {
    let looked = async |parent: (u16, Value)| {
        let answers = [(200, json!([shown("9")])), (200, source("hi")), parent, (200, json!([]))];
        let (provider, caller, _) = scripted(&answers).await;
        let answer = frozen(r#"{"status":"hi","in_reply_to_id":"7"}"#);
        let found = provider.look(&caller.account, Some(&caller.session), sought(&answer)).await;
        found.map_err(|failure| failure.class)
    };
    assert_eq!(looked((200, shown("7"))).await, Ok(Found::Absent));
    assert_eq!(looked((404, json!({ "error": "Record not found" }))).await, Ok(Found::Other));
    assert_eq!(looked((500, json!({}))).await, Err(ErrorClass::Transient));
}

#[tokio::test]
async fn a_doubt_is_no_absence() {
    let mut edited = shown("9");
    edited["edited_at"] = json!("2026-11-18T11:10:00Z");
    let end = || (200, json!([]));
    assert_eq!(look(&[(200, json!([edited])), (200, source("changed")), end()]).await, Ok(Found::Other));
    let mut with_media = shown("9");
    with_media["media_attachments"] = json!([{ "id": "7" }]);
    assert_eq!(look(&[(200, json!([with_media])), (200, source("hi")), end()]).await, Ok(Found::Other));
    for answers in [
        vec![(200, json!([{ "id": "9" }]))],
        vec![(200, json!({ "error": "x" }))],
        vec![(404, json!({ "error": "Record not found" }))],
        vec![(200, json!([shown("9")])), (404, json!({ "error": "Record not found" }))],
        vec![(200, json!([shown("9")])), (200, json!({ "text": 7 }))],
        vec![(429, json!({}))],
    ] {
        assert!(look(&answers).await.is_err(), "{answers:?}");
    }
    let provider = Mastodon::new(Client::new().unwrap(), Fetcher::new().unwrap());
    let account = scripted(&[]).await.1.account;
    let failure = provider.look(&account, None, sought(&frozen("{}"))).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::AuthRevoked);
}

//! The provider, led through what it does against a server with a script.

mod garbage;
mod requests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::error_class::ErrorClass;
use serde_json::json;

use super::*;
use crate::address::Forbidden;
use crate::client::CallError;
use crate::providers::scripted::{Scripted, Told};
use crate::providers::{Theirs, bare, sought};

const MEMBER: &str = "urn:li:person:a1";
const PAGE: &str = "urn:li:organization:7";
/// A GIF of 3 by 2 pixels.
const GIF: &str = "data:image/gif;base64,R0lGODdhAwACAIAAAAAAAP///ywAAAAAAwACAAACAoRdADs=";
const FORBIDDEN: &str = "Not enough permissions to access: posts.FINDER-author.20260700";

fn provider() -> LinkedIn {
    let app = App { client_id: "app".into(), client_secret: Some("secret".into()) };
    LinkedIn {
        client: Client::new().unwrap(),
        fetcher: Fetcher::new().unwrap(),
        app: Some(app),
        endpoints: Endpoints::default(),
    }
}

fn post(content: &str, media: Value, settings: Value) -> Post {
    Post { content: content.into(), media, settings, attempt: 1, reply_to: None }
}

fn file(mime_type: &str, begin: &[u8], len: usize) -> Value {
    let mut bytes = begin.to_vec();
    bytes.resize(len, 7);
    json!([{ "url": format!("data:{mime_type};base64,{}", STANDARD.encode(bytes)), "alt": "not sent" }])
}

fn video(len: usize) -> Value {
    file("video/mp4", b"\0\0\0\x20ftypisom", len)
}

fn problem(status: u16, code: &str, message: &str) -> Told {
    (status, &[], json!({ "status": status, "code": code, "message": message }))
}

fn place(kind: &str, id: &str) -> Told {
    let urn = format!("urn:li:{kind}:{id}");
    let value = json!({ "uploadUrl": format!("SERVER/dms-uploads/{id}"), kind: urn, "uploadUrlExpiresAt": 1_795_086_400_000_u64 });
    (200, &[], json!({ "value": value }))
}

const MADE_HERE: Told = (201, &[("x-restli-id", "urn:li:share:7141138937766391808")], Value::Null);

/// Prepares to the end.
async fn prepare(provider: &LinkedIn, caller: &Caller, post: &Post) -> Result<Value, Failure> {
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(caller, post, &prepared).await? {
        assert!(
            !more.to_string().contains("dms-uploads"),
            "an address that is good for all is stored: {more}"
        );
        prepared = more;
    }
    Ok(prepared)
}

fn frozen_by(author: &str, settings: Value) -> Frozen {
    provider().draft(&post("hi", json!([]), settings), &json!({ "author": author })).unwrap()
}

/// Looks for "hi" in these answers.
async fn looked(author: &str, settings: Value, script: Vec<Told>) -> (Result<Found, ErrorClass>, usize) {
    let server = Scripted::telling(script).await;
    let (caller, frozen) = (server.caller(author, "alice"), frozen_by(author, settings));
    let sought = Sought { others: &Theirs(&["urn:li:share:66"]), ..sought(&frozen) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    (found.map_err(|failure| failure.class), server.seen().len())
}

/// A post so many seconds from now.
fn listed(id: &str, text: &str, seconds: i64) -> Value {
    let now = super::super::answer::seconds_since_1970(SystemTime::now());
    let at = now.saturating_add_signed(seconds) * 1_000;
    json!({ "id": format!("urn:li:share:{id}"), "author": PAGE, "commentary": text, "createdAt": at, "lifecycleState": "PUBLISHED" })
}

fn list(elements: Vec<Value>) -> Told {
    (200, &[], json!({ "elements": elements, "paging": { "start": 0, "count": 100, "links": [] } }))
}

fn same(id: &str) -> Result<Found, ErrorClass> {
    Ok(Found::Same(publish::published(&format!("urn:li:share:{id}")).unwrap()))
}

#[tokio::test]
async fn the_earliest_post_like_it_that_is_no_other_targets_is_ours() {
    // in whatever order they come
    for elements in [
        vec![listed("64", "hi", 9), listed("63", "ho", 8), listed("62", "hi", 7), listed("61", "hi", -900)],
        vec![listed("61", "hi", -900), listed("62", "hi", 7), listed("63", "ho", 8), listed("64", "hi", 9)],
    ] {
        let (found, calls) = looked(PAGE, json!({}), vec![list(elements), list(vec![])]).await;
        assert_eq!((found, calls), (same("62"), 2));
    }
    let older = || list(vec![listed("61", "hi", -900)]);
    let theirs = list(vec![listed("66", "hi", 7)]);
    assert_eq!(looked(PAGE, json!({}), vec![theirs, older()]).await, (Ok(Found::Absent), 2));
    // one post tells nothing of the order
    assert_eq!(looked(PAGE, json!({}), vec![older(), list(vec![])]).await, (Ok(Found::Absent), 2));
    assert_eq!(looked(PAGE, json!({}), vec![list(vec![])]).await, (Ok(Found::Absent), 1));
}

#[tokio::test]
async fn an_answer_that_is_not_whole_proves_no_absence() {
    let mut untimed = listed("62", "ho", 7);
    untimed["createdAt"] = json!("soon");
    for odd in
        [json!({}), json!([]), json!([[]]), json!({ "elements": [{}] }), json!({ "elements": [untimed] })]
    {
        let (found, _) = looked(PAGE, json!({}), vec![(200, &[], odd.clone())]).await;
        assert_eq!(found, Err(ErrorClass::Transient), "{odd}");
    }
    let endless = vec![list(vec![listed("62", "ho", 7)]); 30];
    assert_eq!(looked(PAGE, json!({}), endless).await, (Err(ErrorClass::Transient), 25));
    let account = Scripted::telling(vec![]).await.caller(PAGE, "page").account;
    let frozen = frozen_by(PAGE, json!({}));
    let failure = provider().look(&account, None, sought(&frozen)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::AuthRevoked);
}

#[tokio::test]
async fn where_a_members_posts_are_closed_only_a_person_can_tell() {
    let closed = || vec![problem(403, "ACCESS_DENIED", FORBIDDEN)];
    assert_eq!(looked(MEMBER, json!({}), closed()).await.0, Err(ErrorClass::OutcomeUnknown));
    // unless the application has said that it may go out again, which LinkedIn then refuses
    assert_eq!(looked(MEMBER, json!({ "resend_unclear": true }), closed()).await.0, Ok(Found::Absent));
    // of a page the right was lost, which a new login gives back
    assert_eq!(
        looked(PAGE, json!({ "resend_unclear": true }), closed()).await.0,
        Err(ErrorClass::Permission)
    );
    // a page of something in between is no word of LinkedIn's
    let proxy: Told = (403, &[], json!("<html>no</html>"));
    assert_eq!(
        looked(MEMBER, json!({ "resend_unclear": true }), vec![proxy]).await.0,
        Err(ErrorClass::Transient)
    );
    let shown = list(vec![
        json!({ "id": "urn:li:share:62", "author": MEMBER, "commentary": "hi", "createdAt": 1_u64 << 42 }),
    ]);
    assert_eq!(looked(MEMBER, json!({}), vec![shown, list(vec![])]).await.0, same("62"));
}

/// The refusal of a duplicate that names a post of now, or of then.
fn duplicate(urn: &str) -> Told {
    let message = format!(
        "com.linkedin.content.common.exception.BadRequestResponseException: Content is a duplicate of {urn}"
    );
    let inputs =
        json!([{ "description": "Duplicate post is detected", "input": {}, "code": "DUPLICATE_POST" }]);
    (422, &[], json!({ "status": 422, "message": message, "errorDetails": { "inputErrors": inputs } }))
}

#[tokio::test]
async fn a_refusal_names_the_post_where_it_can_be_ours() {
    let millis = super::super::answer::seconds_since_1970(SystemTime::now()) * 1_000;
    let ago = |seconds: u64| format!("urn:li:share:{}", (millis - 1_000 * seconds) << 22);
    // the text was written down five minutes ago
    let (new, now, old) = (ago(150), ago(0), ago(900));
    let shown = |text: &str| {
        let shown = json!({ "id": new, "author": MEMBER, "commentary": text, "createdAt": millis });
        (200, &[][..], shown)
    };
    let forbidden = || Some(problem(403, "ACCESS_DENIED", FORBIDDEN));
    for (named, then, is_ours, is_unread) in [
        (&new, forbidden(), true, true),
        // what this very call would have made
        (&now, forbidden(), false, false),
        (&new, Some(shown("hi")), true, false),
        (&new, Some(shown("ho")), false, false),
        // what was deleted leaves a ghost
        (&new, Some(problem(404, "NOT_FOUND", "Not found")), false, false),
        (&new, Some((500, &[][..], json!("oops"))), false, false),
        (&old, None, false, false),
    ] {
        let calls = 1 + usize::from(then.is_some());
        let server = Scripted::telling([duplicate(named)].into_iter().chain(then).collect()).await;
        let written_at = SystemTime::now() - std::time::Duration::from_secs(300);
        let frozen = Frozen { key: new_key(written_at).unwrap(), ..frozen_by(MEMBER, json!({})) };
        let failure = provider().commit(&server.caller(MEMBER, "alice"), &bare(), &frozen).await.unwrap_err();
        assert_eq!((failure.class, server.seen().len()), (ErrorClass::Duplicate, calls));
        assert_eq!(failure.existing_unread, is_unread);
        let existing = failure.existing.map(|existing| existing.external_id);
        assert_eq!(existing.as_ref() == Some(named), is_ours, "{existing:?} {:?}", server.seen());
    }
}

#[tokio::test]
async fn a_token_is_that_of_the_account_that_was_named() {
    let me: Told = (200, &[], json!({ "sub": "a1", "name": "Alice Example", "email": "not@read.example" }));
    for handle in ["alice example", "a1", "@Alice Example", MEMBER] {
        let server = Scripted::telling(vec![me.clone()]).await;
        let login = provider().login(&server.url, handle, &"canary".into()).await.unwrap();
        assert_eq!((login.external_id.as_str(), login.handle.as_str()), (MEMBER, "Alice Example"));
    }
    let server = Scripted::telling(vec![me.clone()]).await;
    let failure = provider().login(&server.url, "bob", &"canary".into()).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Permission);
    assert!(failure.message.contains("Alice") && !failure.message.contains("canary"), "{failure}");

    let role = |role: &str, state: &str| json!({ "organization": PAGE, "role": role, "state": state });
    let posts = || list(vec![]);
    let name: Told = (200, &[], json!({ "id": 7, "localizedName": "Acme" }));
    let log_in = async |script: Vec<Told>| {
        let server = Scripted::telling([me.clone()].into_iter().chain(script).collect()).await;
        let login = provider().login(&server.url, "organization:7", &"canary".into()).await;
        login.map(|login| (login.external_id, login.handle)).map_err(|failure| failure.class)
    };
    let admin = || list(vec![role("ANALYST", "APPROVED"), role("ADMINISTRATOR", "APPROVED")]);
    assert_eq!(log_in(vec![admin(), posts(), name]).await, Ok((PAGE.into(), "Acme".into())));
    let forbidden = || problem(403, "ACCESS_DENIED", FORBIDDEN);
    // whose name may not be read is called by its number, but its posts must be readable
    assert_eq!(log_in(vec![admin(), posts(), forbidden()]).await, Ok((PAGE.into(), "organization:7".into())));
    assert_eq!(log_in(vec![admin(), forbidden()]).await, Err(ErrorClass::Permission));
    for (who, state) in [("ANALYST", "APPROVED"), ("ADMINISTRATOR", "REVOKED")] {
        assert_eq!(log_in(vec![list(vec![role(who, state)])]).await, Err(ErrorClass::Permission));
    }
}

#[tokio::test]
async fn without_a_refresh_token_its_owner_has_to_log_in() {
    let server = Scripted::telling(vec![]).await;
    let mut caller = server.caller(MEMBER, "alice");
    caller.session = Session::new("access".into(), "".into());
    assert_eq!(provider().refresh(&caller).await.unwrap_err().class, ErrorClass::AuthRevoked);
    let nobody = LinkedIn { app: None, ..provider() };
    let failure = nobody.refresh(&server.caller(MEMBER, "alice")).await.unwrap_err();
    assert!(failure.message.contains("platforms.linkedin.client_id"), "{failure}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn what_linkedin_can_not_process_is_refused_by_its_place_and_what_it_lost_is_sent_again() {
    let prepared = json!({ "author": PAGE, "media": [{ "urn": "urn:li:video:1", "ready": false }] });
    let server = Scripted::telling(vec![
        (200, &[], json!({ "status": "PROCESSING_FAILED", "processingFailureReason": "too short" })),
        problem(404, "NOT_FOUND", "Could not find entity"),
    ])
    .await;
    let (provider, caller, post) = (provider(), server.caller(PAGE, "page"), post("", video(99), json!({})));
    let failure = provider.prepare(&caller, &post, &prepared).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ContentInvalid);
    assert!(failure.message.starts_with("video 1") && failure.message.contains("too short"), "{failure}");
    let again = provider.prepare(&caller, &post, &prepared).await.unwrap().unwrap();
    assert_eq!(again, json!({ "author": PAGE, "media": [], "lost": true }));
}

#[tokio::test]
async fn parts_that_do_not_make_the_whole_are_not_sent() {
    let parts = |ranges: &[(usize, usize)]| {
        let instructions: Vec<_> = ranges
            .iter()
            .map(|(first, last)| json!({ "uploadUrl": "SERVER/u", "firstByte": first, "lastByte": last }))
            .collect();
        let value =
            json!({ "video": "urn:li:video:1", "uploadToken": "", "uploadInstructions": instructions });
        (200, &[][..], json!({ "value": value }))
    };
    for ranges in
        [&[(0, 49), (60, 98)][..], &[(5, 98)], &[(0, usize::MAX), (99, 100)], &[(0, 49)], &[], &[(9, 3)]]
    {
        let etag: Told = (200, &[("etag", "e")], Value::Null);
        let server = Scripted::telling([parts(ranges)].into_iter().chain(vec![etag; 3]).collect()).await;
        let failure = prepare(&provider(), &server.caller(PAGE, "page"), &post("", video(99), json!({})))
            .await
            .unwrap_err();
        assert_eq!(failure.class, ErrorClass::Transient, "{ranges:?}");
        assert!(server.calls().iter().all(|call| !call.contains("finalize")), "{ranges:?}");
    }
}

#[tokio::test]
async fn a_token_goes_to_linkedins_own_hosts_only() {
    let (provider, server) = (provider(), Scripted::telling(vec![]).await);
    let caller = server.caller(PAGE, "page");
    let api = provider.as_caller(&caller);
    let has_token = |address: &str| {
        let request = api.put(address)?.build().ok()?;
        Some(request.headers().contains_key("authorization"))
    };
    assert_eq!(has_token("https://www.linkedin.com/dms-uploads/x"), Some(true));
    assert_eq!(has_token(&format!("{}/u", server.url)), Some(true));
    assert_eq!(has_token("https://evil-linkedin.com/x"), Some(false));
    assert_eq!(has_token("https://linkedin.com.evil.example/x"), Some(false));
    assert_eq!(has_token("http://www.linkedin.com/x"), None);
    assert_eq!(has_token("file:///etc/passwd"), None);
}

#[tokio::test]
async fn media_go_only_where_linkedin_may_send_them() {
    let image = || json!([{ "url": GIF, "alt": "" }]);
    for address in
        ["http://10.0.0.1/up", "http://a.example/up", "https://192.168.0.1/up", "https://[::1]/up", "up"]
    {
        let whole = json!({ "uploadUrl": address, "image": "urn:li:image:1" });
        let parts = json!({ "video": "urn:li:video:1", "uploadToken": "", "uploadInstructions":
                            [{ "uploadUrl": address, "firstByte": 0, "lastByte": 98 }] });
        for (media, value) in [(image(), whole), (video(99), parts)] {
            let server = Scripted::telling(vec![(200, &[], json!({ "value": value }))]).await;
            let post = post("", media, json!({}));
            let failure = prepare(&provider(), &server.caller(PAGE, "page"), &post).await.unwrap_err();
            assert_eq!(
                (failure.class, server.seen().len()),
                (ErrorClass::Transient, 1),
                "{address}: {failure}"
            );
        }
    }
    // this machine is no place either, unless LinkedIn is on it
    let (client, token) = (Client::new().unwrap(), "canary".into());
    let api = api::Api::new(&client, "https://api.linkedin.com", api::VERSION).with(&token);
    for address in
        ["https://localhost/up", "https://127.0.0.1:1/up", "https://[::1]/up", "https://10.0.0.1/up"]
    {
        let request = api.put(address).unwrap();
        let sent = api.send(request).await.map(|answer| answer.status);
        let expected = if address.contains("10.") { Forbidden::Literal } else { Forbidden::Private };
        assert_eq!(sent, Err(CallError::NotSent(expected.to_string())), "{address}");
    }
}

//! Signing in, staying so as long as the token, and out.

use std::sync::Arc;

use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::{Crierd, Deployment};
use crier_tests::session::Session;
use crier_tests::stage::create_workspace;
use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE};
use serde_json::json;
use uuid::Uuid;

use super::{Browser, Member, serve_with};
use crate::api;

struct Served {
    _deployment: Deployment,
    _crierd: Crierd,
    sql: Session,
    workspace: Uuid,
    url: Arc<str>,
}

async fn served() -> Served {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let workspace = create_workspace(&sql).await;
    let settings = [("CRIER_API_SIGN_IN_ORIGINS", "https://app.example")];
    let (crierd, url) = serve_with(&database, &sql, &deployment, &settings).await;
    Served { _deployment: deployment, _crierd: crierd, sql, workspace, url: url.into() }
}

#[tokio::test]
async fn who_is_not_signed_in_sees_the_way_to_and_nothing_else() {
    let served = served().await;
    let mut browser = Browser::new(&served.url);
    let pages = ["", "/posts", "/posts/new", "/calendar", "/accounts", "/queue", "/schedules", "/live"];
    let pages = pages.iter().map(|page| format!("/dashboard/w/{}{page}", served.workspace));
    for page in pages.chain(["/dashboard".into()]) {
        let shown = browser.get(&page).await;
        shown.is(401).has("Sign in to Crier").has_not("A test");
        assert_eq!(shown.header(CACHE_CONTROL), "no-store", "{page}");
        let policy = shown.header(CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{page}: {policy}");
    }
    let user = Uuid::new_v4();
    let expired = api::signed(&json!({ "sub": user, "exp": api::now() - 600 }));
    let (whole, other) = (api::token(user), api::token(Uuid::new_v4()));
    let whole = whole.rsplit_once('.').map_or("", |(signed, _)| signed);
    let swapped = format!("{whole}.{}", other.rsplit('.').next().unwrap_or_default());
    for (bad, why) in [
        ("", "is not a JSON Web Token"),
        ("a.b.c", "is not a JSON Web Token"),
        (&expired[..], "the token has ended"),
        (&swapped[..], "signature is wrong"),
    ] {
        let shown = browser.sign_in(bad).await;
        shown.is(401).has(why);
        assert_eq!(shown.header(SET_COOKIE), "", "{bad}");
        // nor by a cookie of one's own making
        browser.cookie = Some(format!("__Host-crier={bad}"));
        browser.get("/dashboard").await.is(401);
        browser.cookie = None;
    }
}

#[tokio::test]
async fn a_session_is_the_token_in_a_cookie_and_ends_with_it() {
    let served = served().await;
    let member = Member::new(&served.url, &served.sql, served.workspace, "viewer").await;
    let mut browser = Browser::new(&served.url);
    let user = Uuid::new_v4();
    let token = api::signed(&json!({ "sub": user, "exp": api::now() + 100 }));
    let shown = browser.sign_in(&token).await;
    let cookie = shown.header(SET_COOKIE).to_owned();
    for part in ["__Host-crier=", "Path=/;", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let seconds =
        cookie.split("Max-Age=").nth(1).and_then(|rest| rest.split(';').next()?.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| (1..=100).contains(&seconds)), "{cookie}");
    // a member of nothing, and of one workspace
    browser.get("/dashboard").await.is(200).has("no member of a workspace");
    let first = member.get("/dashboard").await;
    assert_eq!((first.status, first.header(LOCATION)), (303, member.path("").as_str()));
    member.page("").await.is(200).has("Nothing needs you.");
    // the token goes nowhere else: neither into a page nor into the log
    let token = member.cookie.as_deref().and_then(|cookie| cookie.split_once('=')).map(|(_, token)| token);
    let token = token.expect("a token");
    member.page("/posts").await.has_not(token);
    assert!(!served._crierd.log().contains(token));
    let out = member.post("/dashboard/sign-out", &[]).await;
    assert_eq!((out.status, out.header(LOCATION)), (303, "/dashboard/sign-in"));
    assert!(out.header(SET_COOKIE).contains("Max-Age=0"), "{out:?}");
}

#[tokio::test]
async fn who_is_no_longer_a_member_finds_nothing() {
    let served = served().await;
    let member = Member::new(&served.url, &served.sql, served.workspace, "editor").await;
    member.page("").await.is(200);
    let gone = "DELETE FROM crier.workspace_member WHERE workspace_id = $1 AND role = 'editor'";
    served.sql.rows(gone, &[&served.workspace]).await;
    for page in ["", "/posts", "/live"] {
        member.page(page).await.is(404).has_not("A test");
    }
}

#[tokio::test]
async fn only_pages_that_may_sign_people_in() {
    let served = served().await;
    let browser = Browser::new(&served.url);
    let token = api::token(Uuid::new_v4());
    let from = async |headers: &[(&str, &str)]| {
        let mut request =
            browser.form("/dashboard/sign-in", &[("token", &token)]).build().expect("a request");
        request.headers_mut().remove("sec-fetch-site");
        for (name, value) in headers {
            let name: reqwest::header::HeaderName = name.parse().expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        browser.client.execute(request).await.expect("an answer").status().as_u16()
    };
    assert_eq!(from(&[("origin", "https://app.example"), ("sec-fetch-site", "cross-site")]).await, 200);
    assert_eq!(from(&[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(from(&[("origin", "https://evil.example")]).await, 403);
}

#[tokio::test]
async fn times_are_in_the_zone_that_was_chosen() {
    let served = served().await;
    let mut member = Member::new(&served.url, &served.sql, served.workspace, "editor").await;
    let post: Uuid = served
        .sql
        .value(
            "SELECT crier.create_post($1, 'at nine', '{}', scheduled_at => '2030-06-03 07:00Z', draft => true)",
            &[&served.workspace],
        )
        .await;
    let page = format!("/posts/{post}");
    member.page(&page).await.is(200).has("Mon 3 Jun 2030, 07:00");
    let back = member.path(&page);
    let set = member.post("/dashboard/zone", &[("zone", "Europe/Berlin"), ("back", &back)]).await;
    assert_eq!((set.status, set.header(LOCATION)), (303, back.as_str()));
    let zone = set.header(SET_COOKIE).split(';').next().unwrap_or_default().to_owned();
    let session = member.cookie.clone().unwrap_or_default();
    member.browser.cookie = Some(format!("{session}; {zone}"));
    member.page(&page).await.is(200).has("Mon 3 Jun 2030, 09:00").has("value=\"2030-06-03T09:00\"");
    member.post("/dashboard/zone", &[("zone", "Berlin")]).await.is(400).has("perhaps Europe/Berlin?");
    let away = member.post("/dashboard/zone", &[("zone", "UTC"), ("back", "//evil.example")]).await;
    assert_eq!(away.header(LOCATION), "/dashboard");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let served = served().await;
    let member = Member::new(&served.url, &served.sql, served.workspace, "owner").await;
    let nobody = Uuid::new_v4();
    for path in [
        format!("/dashboard/w/{nobody}"),
        "/dashboard/w/x".into(),
        "/dashboard/x".into(),
        member.path("/x"),
        member.path("/posts/x"),
        member.path(&format!("/posts/{nobody}")),
        member.path(&format!("/accounts/{nobody}")),
        member.path(&format!("/schedules/{nobody}")),
    ] {
        member.get(&path).await.is(404).has("Not found");
    }
    member.act("x", &[]).await.is(404);
    member.page("/posts?state=canary").await.is(422).has("canary");
}

#[tokio::test]
async fn it_is_off_unless_it_is_set() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let role = crate::tenancy::app_role(&sql).await;
    let crierd = api::start(&deployment, &database.url(&role), &[]).await;
    Browser::new(&crierd.api_url()).get("/dashboard").await.is(404).has("no_such_path");
}

#[tokio::test]
async fn who_asks_too_often_waits_and_what_pages_ask_by_themselves_does_not_count() {
    let served = served().await;
    let member = Member::new(&served.url, &served.sql, served.workspace, "editor").await;
    let other = Member::new(&served.url, &served.sql, served.workspace, "editor").await;
    served.sql.run("UPDATE crier.request_limit SET per_minute = 8 WHERE endpoint = 'general'").await;
    // streams and assets
    for _ in 0..9 {
        let stream =
            member.request(reqwest::Method::GET, &member.path("/live")).send().await.expect("a stream");
        assert_eq!(stream.status().as_u16(), 200);
        member.get("/dashboard/style.css").await.is(200);
    }
    // an act counts as pages do, whatever comes of it
    member.act("cancel", &[("post", &Uuid::new_v4().to_string())]).await.is(404);
    let mut pages = 0;
    let shown = loop {
        let shown = member.page("/posts").await;
        if shown.status == 429 {
            break shown;
        }
        shown.is(200);
        pages += 1;
        assert!(pages < 8, "expected the act to count");
    };
    shown.has("Too many requests").has("more than 8 times");
    let wait: u64 = shown.header("retry-after").parse().expect("a number");
    assert!((1..=60).contains(&wait), "{shown:?}");
    other.page("/posts").await.is(200);
}

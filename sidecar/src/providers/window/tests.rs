//! A wrong clock of the sidecar, or of the one that wrote the post down, neither hides a post nor takes an older one for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::client::Client;
use crate::media::Fetcher;
use crate::providers::answer::fixtures::{answer, now};
use crate::providers::{Account, Apps, Found, Frozen, NoOthers, Providers, Sought};
use crate::secrets::Session;

const HOUR: Duration = Duration::from_secs(60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

fn near(at: SystemTime, expected: SystemTime) -> bool {
    let apart = at.duration_since(expected).unwrap_or_else(|error| error.duration());
    apart < Duration::from_secs(5)
}

#[test]
fn the_servers_clock_counts_and_not_ours() {
    let drafted = Instant::now().checked_sub(MINUTE);
    for wrong in [now(), now() + HOUR, now() - HOUR] {
        let begin = Window::new(wrong, drafted).begin(Some(now()));
        assert!(near(begin, now() - MINUTE - THEIRS), "{begin:?}");
    }
}

#[test]
fn without_the_servers_word_the_earlier_clock_counts() {
    let now = SystemTime::now();
    let drafted = Instant::now().checked_sub(Duration::from_secs(10));
    for (written, begin) in [(now + HOUR, now - Duration::from_secs(10)), (now - HOUR, now - HOUR)] {
        assert!(near(Window::new(written, drafted).begin(None), begin - OURS));
    }
    // a database that does not tell either
    assert_eq!(Window::new(now, None).begin(Some(now + HOUR)), now - OURS);
}

#[test]
fn an_answer_tells_the_time_or_not() {
    let date = |text: &str| answered_at(&Ok(answer(200, &[("date".into(), text.into())], "")));
    assert_eq!(date("Wed, 18 Nov 2026 11:06:40 GMT"), Some(now()));
    for odd in ["", "now", "2026-11-18T11:06:40Z"] {
        assert_eq!(date(odd), None, "{odd}");
    }
    assert_eq!(answered_at(&Err(CallError::Unclear("reset".into()))), None);
}

/// A server whose clock shows `date`, that gives these answers one after the other.
async fn server(date: SystemTime, answers: Vec<Value>) -> String {
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let date = httpdate::fmt_http_date(date);
    let app = Router::new().fallback(move || {
        let body = answers.lock().unwrap().pop_front().expect("one call too many").to_string();
        let date = date.clone();
        async move { (StatusCode::OK, [("date", date)], body) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// What a look finds for "hi", which was written down a minute ago, at 11:06:40 by the clock of the sidecar that did. The
/// server's clock is `offset` seconds ahead of that one, and it shows a post with that text that it made `after` seconds after
/// the draft.
async fn look(platform: &str, offset: i64, after: i64) -> Found {
    let at = |seconds: i64| {
        if seconds < 0 {
            now() - Duration::from_secs(seconds.unsigned_abs())
        } else {
            now() + Duration::from_secs(seconds.unsigned_abs())
        }
    };
    let made = humantime::format_rfc3339_seconds(at(offset + after)).to_string();
    let (key, request, answers) = match platform {
        "mastodon" => {
            let post = json!({ "id": "9", "url": "https://a.example/9", "created_at": made });
            let answers = vec![json!([post]), json!({ "text": "hi" }), json!([])];
            ("01a1ee56-5e00-7000-8000-000000000000", json!({ "status": "hi" }), answers)
        }
        "x" => {
            let post = json!({ "id": "9", "text": "hi", "created_at": made });
            let page = json!({ "data": [post], "meta": { "result_count": 1 } });
            ("k", json!({ "at": 1_795_000_000, "body": { "text": "hi" } }), vec![page.clone(), page])
        }
        _ => {
            let post = json!({ "id": "9", "caption": "hi", "timestamp": made });
            let request = json!({ "creation_id": "1", "caption": "hi", "is_story": false, "drafted_at": 1_795_000_000 });
            ("1", request, vec![json!({ "status_code": "EXPIRED" }), json!({ "data": [post] })])
        }
    };
    let base_url = server(at(offset + 60), answers).await;
    let account = Account {
        id: Uuid::nil(),
        external_id: "42".into(),
        handle: "alice".into(),
        base_url,
        charges: Default::default(),
    };
    let frozen = Frozen { key: key.into(), request: request.to_string() };
    let providers = Providers::new(&Client::new().unwrap(), &Fetcher::new().unwrap(), &Apps::default());
    let sought = Sought { frozen: &frozen, drafted: Instant::now().checked_sub(MINUTE), others: &NoOthers };
    let session = Session::new("token".into(), "token".into());
    providers.get(platform).unwrap().look(&account, Some(&session), sought).await.unwrap()
}

#[tokio::test]
async fn a_wrong_clock_neither_hides_a_post_nor_takes_an_older_one() {
    for platform in ["mastodon", "x", "instagram"] {
        for offset in [0, 7_200, -7_200] {
            for (after, is_ours) in [(0, true), (50, true), (-5, true), (-600, false), (-7_100, false)] {
                let found = look(platform, offset, after).await;
                let what = format!("{platform}, {offset} seconds ahead, {after} seconds after: {found:?}");
                assert_eq!(matches!(found, Found::Same(_)), is_ours, "{what}");
                assert!(is_ours || found == Found::Absent, "{what}");
            }
        }
    }
}

//! The provider against relays that answer from a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use proptest::prelude::*;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::*;
use crate::providers::answer::{Phase, fixtures};
use crate::providers::bare;
use crate::providers::sought;
use event::Event;

const NSEC: &str = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";

/// A relay. It answers each message with the next answer, messages with a line each; without one it ends the connection.
struct Relay {
    url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Relay {
    async fn start(answers: &[&str]) -> Self {
        let mut answers: VecDeque<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        Self::serve(move || answers.pop_front()).await
    }

    async fn always(answer: String) -> Self {
        Self::serve(move || Some(answer.clone())).await
    }

    /// In an answer, `ID` stands for the id of what it answers, and `SAME` for the last event.
    async fn serve(mut next: impl FnMut() -> Option<String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(vec![]));
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut last = Value::Null;
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { continue };
                while let Some(Ok(Message::Text(text))) = socket.next().await {
                    let said: Value = serde_json::from_str(&text).unwrap();
                    noted.lock().unwrap().push(said.clone());
                    // a deletion is none that is shown
                    if said[0] == "EVENT" && said[1]["kind"] != 5 {
                        last = said[1].clone();
                    }
                    let Some(answer) = next() else { break };
                    let id = said[1]["id"].as_str().or(last["id"].as_str()).unwrap_or_default();
                    let answer = answer.replace("ID", id).replace("SAME", &last.to_string());
                    for line in answer.lines() {
                        let _ = socket.send(Message::text(line)).await;
                    }
                }
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }
}

const TAKEN: &str = r#"["OK","ID",true,""]"#;
const NONE: &str = r#"["EOSE","crier"]"#;

fn caller(relay: &Relay) -> Caller {
    let account = Account {
        id: Uuid::nil(),
        external_id: String::new(),
        handle: String::new(),
        base_url: relay.url.clone(),
        charges: Default::default(),
    };
    Caller { account, session: Session::new(NSEC.into(), "".into()) }
}

fn post(content: &str, settings: Value) -> Post {
    Post { content: content.into(), media: json!([]), settings, attempt: 1, reply_to: None }
}

async fn drafted(caller: &Caller, post: &Post) -> Result<Frozen, Failure> {
    let prepared = Nostr.prepare(caller, post, &Value::Null).await?.expect("an event");
    assert_eq!(Nostr.prepare(caller, post, &prepared).await?, None);
    Nostr.draft(post, &prepared)
}

/// Publishes a text on relays that answer so.
async fn publish(answers: &[&[&str]]) -> (Result<Published, Failure>, Frozen, Vec<Relay>) {
    let mut relays = vec![];
    for answers in answers {
        relays.push(Relay::start(answers).await);
    }
    let others: Vec<_> = relays[1..].iter().map(|relay| relay.url.replace("http", "ws")).collect();
    let frozen = drafted(&caller(&relays[0]), &post("hi", json!({ "relays": others }))).await.unwrap();
    (Nostr.commit(&caller(&relays[0]), &bare(), &frozen).await, frozen, relays)
}

#[test]
fn every_recorded_answer_has_its_class() {
    let said = |answer: &crate::client::Answer| String::from_utf8(answer.body.to_vec()).unwrap();
    let checked = fixtures::check("nostr", |phase, answer, now| relay::failure(phase, &said(answer), now));
    assert!(checked >= 30, "only {checked} classes");
    let late = relay::failure(Phase::Commit, "invalid: event creation date is too far off", fixtures::now());
    assert!(late.draft_again);
}

#[tokio::test]
async fn what_is_sent_is_what_was_frozen() {
    let (sent, frozen, relays) = publish(&[&[TAKEN], &[TAKEN]]).await;
    let frozen_event = serde_json::from_str::<Value>(&frozen.request).unwrap()["event"].clone();
    for relay in &relays {
        assert_eq!(relay.seen(), [json!(["EVENT", frozen_event])]);
    }
    let there = sent.unwrap();
    let named = nostr::event_ref(&there.external_id).unwrap();
    assert_eq!((hex(&named.id), named.relays.len()), (frozen.key.clone(), 2));
    assert_eq!(there.url, format!("https://njump.me/{}", there.external_id));
    assert!(Event::read(&frozen_event).is_some());
    assert!(!frozen.request.contains("nsec"));
    // of the same text at the same time another
    let again = drafted(&caller(&relays[0]), &post("hi", json!({}))).await.unwrap();
    assert_ne!(again.key, frozen.key);
}

#[tokio::test]
async fn one_relay_that_has_it_is_enough() {
    let duplicate = r#"["OK","ID",false,"duplicate: exists"]"#;
    let notice =
        "[\"NOTICE\",\"hello\"]\n[\"AUTH\",\"x\"]\n[\"OK\",\"other\",false,\"\"]\n[\"OK\",\"ID\",true,\"\"]";
    let blocked = r#"["OK","ID",false,"blocked: no"]"#;
    for answers in [&[&[duplicate][..]][..], &[&[notice]], &[&[blocked], &[TAKEN]], &[&[], &[TAKEN]]] {
        publish(answers).await.0.unwrap();
    }
    let limited = r#"["OK","ID",false,"rate-limited: slow"]"#;
    for (answers, class) in [
        (&[&[blocked][..]][..], ErrorClass::Permission),
        (&[&[r#"["OK","",false,"invalid: Bad signature"]"#]], ErrorClass::ContentInvalid),
        (&[&[blocked], &[limited]], ErrorClass::RateLimited),
        (&[&[blocked], &[]], ErrorClass::OutcomeUnknown),
        (&[&[limited], &["{"]], ErrorClass::OutcomeUnknown),
        (&[&[r#"["OK","ID",false,"error: oops"]"#]], ErrorClass::OutcomeUnknown),
        (&[&[r#"["OK","ID"]"#]], ErrorClass::OutcomeUnknown),
    ] {
        assert_eq!(publish(answers).await.0.unwrap_err().class, class, "{answers:?}");
    }
}

#[tokio::test]
async fn a_look_believes_a_relay_that_answers() {
    let same = "[\"EVENT\",\"crier\",SAME]\n[\"EOSE\",\"crier\"]";
    let forged = r#"["EVENT","crier",{"id":"ID"}]"#;
    let closed = r#"["CLOSED","crier","auth-required: no"]"#;
    for (answers, found) in [
        (&[&[TAKEN, same][..]][..], Ok("same")),
        (&[&[TAKEN, NONE]], Ok("absent")),
        (&[&[TAKEN, NONE], &[TAKEN, same]], Ok("same")),
        (&[&[TAKEN, NONE], &[TAKEN, NONE]], Ok("absent")),
        // the same event can be sent again, wherever it is
        (&[&[TAKEN, NONE], &[TAKEN]], Ok("absent")),
        (&[&[TAKEN, closed], &[TAKEN, NONE]], Ok("absent")),
        (&[&[TAKEN], &[TAKEN]], Err(ErrorClass::Transient)),
        (&[&[TAKEN, forged]], Err(ErrorClass::Transient)),
        (&[&[TAKEN, "{"]], Err(ErrorClass::Transient)),
        (&[&[TAKEN, closed]], Err(ErrorClass::Transient)),
    ] {
        let (sent, frozen, relays) = publish(answers).await;
        let there = sent.unwrap();
        let looked = Nostr.look(&caller(&relays[0]).account, None, sought(&frozen)).await;
        let looked = looked.map(|found| match found {
            Found::Same(same) if same == there => "same",
            Found::Absent => "absent",
            other => panic!("{other:?}"),
        });
        assert_eq!(looked.map_err(|failure| failure.class), found, "{answers:?}");
        let asked = json!(["REQ", "crier", { "ids": [frozen.key], "limit": 1 }]);
        assert_eq!(relays[0].seen().last(), Some(&asked));
    }
}

#[tokio::test]
async fn a_relay_of_a_tenant_is_not_this_machine() {
    // the account's own is elsewhere, and so nothing of a post's may be here
    let mut caller = caller(&Relay::start(&[]).await);
    caller.account.base_url = "https://rebinding.example".into();
    let named = post("hi", json!({ "relays": ["ws://127.0.0.1:1", "wss://localhost"] }));
    let refused = drafted(&caller, &named).await.unwrap_err();
    assert_eq!(refused.class, ErrorClass::ContentInvalid);
    assert!(refused.message.contains("no public address"), "{refused}");
    // and what was checked before is checked again
    let here = Relay::start(&[TAKEN]).await;
    let frozen = drafted(&self::caller(&here), &named).await.unwrap();
    let moved = frozen.request.replacen(&here.url.replace("http", "ws"), "wss://rebinding.example", 1);
    let failure = Nostr.commit(&caller, &bare(), &Frozen { request: moved, ..frozen }).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ContentInvalid, "{failure}");
}

#[tokio::test]
async fn a_login_is_that_of_the_key() {
    let relay = Relay::start(&[]).await;
    let name = nostr::npub(&Author::of(&NSEC.into()).unwrap().key());
    let opened = Nostr.login(&relay.url, &name, &NSEC.into()).await.unwrap();
    assert_eq!((opened.handle.as_str(), opened.external_id.len()), (name.as_str(), 64));
    let other = "npub1sg6plzptd64u62a878hep2kev88swjh3tw00gjsfl8f237lmu63q0uf63m";
    for (handle, secret, class) in [
        (other, NSEC, ErrorClass::Permission),
        ("alice", NSEC, ErrorClass::Permission),
        (name.as_str(), other, ErrorClass::AuthRevoked),
    ] {
        let failure = Nostr.login(&relay.url, handle, &secret.into()).await.unwrap_err();
        assert!(failure.class == class && !failure.message.contains("nsec1vl"), "{failure}");
    }
    let nobody = Nostr.login("http://127.0.0.1:1", &name, &NSEC.into()).await.unwrap_err();
    assert_eq!(nobody.class, ErrorClass::Transient);
}

#[tokio::test]
async fn a_like_is_the_same_event_at_every_try() {
    let author = Author::of(&NSEC.into()).unwrap();
    let liked = event::Said { kind: 1, created_at: 1, tags: vec![], content: "x".into() };
    let liked = author.sign(liked).unwrap();
    let shown = format!("[\"EVENT\",\"crier\",{}]", json!(liked));
    let relay = Relay::start(&[&shown, TAKEN, &shown, r#"["OK","ID",false,"duplicate: "]"#]).await;
    let key = Uuid::parse_str("01a1ee56-5e00-7000-8000-000000000000").unwrap();
    let like = Act::Like { post: liked.id.clone(), key };
    let done =
        [Nostr.act(&caller(&relay), &like).await.unwrap(), Nostr.act(&caller(&relay), &like).await.unwrap()];
    assert_eq!(done[0], done[1]);
    let event = &relay.seen()[1][1];
    assert_eq!(
        (&event["kind"], &event["content"], &event["created_at"]),
        (&json!(7), &json!("+"), &json!(1_795_000_000))
    );
    let gone = Relay::start(&[NONE]).await;
    let failure = Nostr.act(&caller(&gone), &like).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::TargetMissing);
}

#[tokio::test]
async fn a_post_is_taken_back_everywhere() {
    let same = "[\"EVENT\",\"crier\",SAME]\n[\"EOSE\",\"crier\"]";
    let blocked = r#"["OK","ID",false,"blocked: no"]"#;
    let closed = r#"["CLOSED","crier","auth-required: no"]"#;
    for (first, second, expected) in [
        ([TAKEN, TAKEN, NONE], [TAKEN, TAKEN, same], None),
        ([TAKEN, TAKEN, NONE], [TAKEN, blocked, NONE], None),
        ([TAKEN, TAKEN, NONE], [TAKEN, blocked, closed], None),
        ([TAKEN, TAKEN, NONE], [TAKEN, blocked, same], Some(ErrorClass::Permission)),
        ([TAKEN, TAKEN, NONE], [TAKEN, blocked, "{"], Some(ErrorClass::Transient)),
        ([TAKEN, blocked, NONE], [TAKEN, blocked, NONE], Some(ErrorClass::Permission)),
    ] {
        let (there, _, relays) = publish(&[&first, &second]).await;
        let delete = Act::Delete { post: there.unwrap().external_id };
        let done = Nostr.act(&caller(&relays[0]), &delete).await;
        assert_eq!(done.err().map(|failure| failure.class), expected, "{first:?} {second:?}");
    }
    let (there, _, relays) = publish(&[&[TAKEN, TAKEN], &[TAKEN]]).await;
    let delete = Act::Delete { post: there.unwrap().external_id };
    let lost = Nostr.act(&caller(&relays[0]), &delete).await.unwrap_err();
    assert_eq!(lost.class, ErrorClass::Transient);
    let event = &relays[0].seen()[1][1];
    assert_eq!(
        (&event["kind"], &event["tags"][0][0], &event["tags"][1]),
        (&json!(5), &json!("e"), &json!(["k", "1"]))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn nothing_is_published_by_nonsense(answer in "[\\[\\]{}\",:a-zA-Z0-9 ]{0,60}|\\[\"(OK|EVENT|EOSE|CLOSED)\",.{0,9}\\]|\\[\"EVENT\",\"crier\",[0-9\\[\\]{}]{0,9}\\]") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // and then something that ends the waiting
            let relay = Relay::always(format!("{answer}\n{{")).await;
            let caller = caller(&relay);
            let frozen = drafted(&caller, &post("hi", json!({}))).await.unwrap();
            let sent = Nostr.commit(&caller, &bare(), &frozen).await.unwrap_err();
            assert_eq!(sent.class, ErrorClass::OutcomeUnknown);
            let looked = Nostr.look(&caller.account, None, sought(&frozen)).await;
            assert!(looked.is_err(), "{looked:?}");
            assert!(Nostr.act(&caller, &Act::Delete { post: frozen.key.clone() }).await.is_err());
        });
    }
}

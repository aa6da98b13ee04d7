//! What people and scripts see of the simulator: the page and the control interface.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crier_tests::images::png;
use crier_tests::process::bound_to_this_thread;
use crier_tests::sim::Sim;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Api, POST, PUT, record, text, with_image};

#[tokio::test]
async fn the_timeline_shows_posts_and_nothing_they_smuggle() {
    let sim = Sim::start();
    let api = Api::on(&sim).await;
    let mut post = record("🎉 see <b>crier</b> & #news");
    let facet = |start: usize, end: usize, feature: Value| json!({"index": {"byteStart": start, "byteEnd": end}, "features": [feature]});
    post["facets"] = json!([
        facet(
            9,
            21,
            json!({"$type": "app.bsky.richtext.facet#link", "uri": "https://crier.example/?a=1&b=\"2\""})
        ),
        facet(24, 29, json!({"$type": "app.bsky.richtext.facet#tag", "tag": "news"})),
    ]);
    let blob = api.upload("image/png", png(8, 6, [200, 80, 20])).await;
    let image = json!({"alt": "a \"quoted\" <alt>", "image": blob});
    post["embed"] = json!({"$type": "app.bsky.embed.images", "images": [image]});
    api.put("3l4rpfq3xak2a", &post).await.ok();

    let page = crier_tests::http::get(sim.url()).await.expect("the page").text().await.expect("text");
    for expected in [
        "1 post",
        "bob.test",
        "<p>🎉 see ",
        "href=\"https://crier.example/?a=1&amp;b=&#34;2&#34;\" rel=\"noopener nofollow\">&lt;b&gt;crier&lt;/b&gt;</a>",
        "href=\"https://bsky.app/hashtag/news\" rel=\"noopener nofollow\">#news</a>",
        "alt=\"a &#34;quoted&#34; &lt;alt&gt;\"",
    ] {
        assert!(page.contains(expected), "expected {expected:?} in\n{page}");
    }
    assert!(!page.contains("<b>crier"), "markup of a post came through");
    let src = page.split("img src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an image");
    let bytes = crier_tests::http::get(format!("{}{}", sim.url(), src.replace("&amp;", "&")))
        .await
        .expect("the image");
    assert_eq!(bytes.status(), 200);
}

#[tokio::test]
async fn the_control_interface_is_the_contract() {
    let sim = Sim::start();
    let client = crier_tests::http::client();
    let post = async |path: &str, body: Value| {
        let answer = client.post(format!("{}{path}", sim.url())).json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    let account = json!({"platform": "bluesky", "handle": "carol.test", "password": "the password"});
    let (status, made) = post("/control/accounts", account.clone()).await;
    assert_eq!(status, 200, "{made}");
    let did = text(&made["did"]).to_owned();
    assert!(did.starts_with("did:plc:") && did.len() == 32, "{did}");
    assert_eq!(post("/control/accounts", account).await.0, 400, "the handle is taken");
    assert_eq!(
        post("/control/faults", json!({"platform": "bluesky", "call": PUT, "fault": "nonsense"})).await.0,
        400
    );
    let fault = json!({"platform": "bluesky", "call": PUT, "fault": "delay", "times": 1, "seconds": 0.01});
    assert_eq!(post("/control/faults", fault).await, (200, json!({})));
    assert_eq!(post("/control/release", json!({})).await, (200, json!({"released": 0})));
    let named = json!({"platform": "bluesky", "handle": "carol.test"});
    for (path, body) in [("/control/expire", named), ("/control/strict", json!({}))] {
        assert_eq!(post(path, body).await, (200, json!({})), "{path}");
    }

    let api = Api::log_in(&sim.bluesky_url(), did.clone(), "carol.test", "the password").await;
    let blob = api.upload("image/png", png(4, 3, [64, 128, 192])).await;
    api.put("3l4rpfq3xak2a", &with_image(&blob)).await.ok();
    let ledger = crier_tests::http::get(format!("{}/control/ledger", sim.url())).await.expect("the ledger");
    let mut ledger: Value = ledger.json().await.expect("JSON");
    let at = ledger[0]["at"].take();
    assert!(text(&at).ends_with('Z'), "{at}");
    let image =
        json!({"alt": "colour", "cid": blob["ref"]["$link"], "mime_type": "image/png", "size": blob["size"]});
    let entry = json!({
        "platform": "bluesky", "account": "carol.test", "key": "3l4rpfq3xak2a", "text": "an image",
        "images": [image], "at": null, "uri": format!("at://{did}/{POST}/3l4rpfq3xak2a"),
    });
    assert_eq!(ledger, json!([entry]));
}

#[tokio::test]
async fn the_program_says_when_it_is_ready_and_ends_when_told() {
    let mut program = bound_to_this_thread(Path::new(env!("CARGO_BIN_EXE_crier-sim")))
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("crier-sim");
    let mut lines = BufReader::new(program.stdout.take().expect("its output")).lines();
    let line = lines.next().expect("a line").expect("a text");
    let url =
        line.strip_prefix("READY ").unwrap_or_else(|| panic!("expected READY and an address, got {line:?}"));
    let page = crier_tests::http::get(url).await.expect("the page");
    assert!(page.text().await.expect("a text").contains("Nothing has been published yet"));
    let pid = i32::try_from(program.id()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::TERM).expect("a signal");
    let status = program.wait().expect("its end");
    assert!(status.success(), "expected exit status 0 after SIGTERM, got {status}");
}

//! End to end against the real Bluesky server: what it has is what was asked for.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::images::{data_url, film, png};
use crier_tests::pds::{Pds, PdsAccount};
use crier_tests::sim::bluesky::cid;
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use crier_tests::xrpc::Xrpc;
use serde_json::{Value, json};
use uuid::Uuid;

async fn real() -> (&'static Pds, PdsAccount, Stage) {
    let pds = Pds::shared();
    let account = pds.add_account("alice").await;
    let database = Database::shared().await;
    let stage = Stage::connected(database, &account.handle, pds.url(), &account.app_password).await;
    (pds, account, stage)
}

/// Where a part of a text is, in bytes.
fn index(text: &str, part: &str) -> Value {
    let start = text.find(part).unwrap_or_else(|| panic!("{part:?} is not in {text:?}"));
    json!({"byteStart": start, "byteEnd": start + part.len()})
}

#[tokio::test]
async fn text_with_link_tag_and_mention() {
    let (pds, account, stage) = real().await;
    let bob = pds.add_account("bob").await;
    let _crierd = stage.deployment.start().await;
    let mention = format!("@{}", bob.handle);
    let text = format!("Grüße 🎉 an {mention}, siehe https://crier.example/läufe?a=1&b=2 und #Überraschung!");
    let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], settings => '{\"bluesky\": {\"langs\": [\"de\", \"en\"]}}')";
    let post = stage.sql.value(sql, &[&stage.workspace, &text, &stage.account]).await;
    let target = stage.published(post).await;

    let uri = target["external_id"].as_str().expect("an address");
    assert!(uri.starts_with(&format!("at://{}/app.bsky.feed.post/", account.did)), "{uri}");
    let key = uri.rsplit('/').next().expect("a key");
    assert_eq!(target["url"], json!(format!("https://bsky.app/profile/{}/post/{key}", account.handle)));
    let mut record = pds.record(uri).await["value"].take();
    let created = record.as_object_mut().and_then(|record| record.remove("createdAt"));
    assert!(created.as_ref().and_then(Value::as_str).is_some_and(|at| at.ends_with('Z')), "{created:?}");
    // a link is sent in the form that servers understand everywhere
    let link = record["facets"][1]["features"][0]["uri"].take();
    let plain = ["https://crier.example/läufe?a=1&b=2", "https://crier.example/l%C3%A4ufe?a=1&b=2"];
    assert!(plain.iter().any(|plain| link == *plain), "expected one of {plain:?}, got {link}");
    let facet = |part: &str, feature: Value| json!({"index": index(&text, part), "features": [feature]});
    assert_eq!(
        record,
        json!({
            "$type": "app.bsky.feed.post",
            "text": text,
            "langs": ["de", "en"],
            "facets": [
                facet(&mention, json!({"$type": "app.bsky.richtext.facet#mention", "did": bob.did})),
                facet(plain[0], json!({"$type": "app.bsky.richtext.facet#link", "uri": null})),
                facet("#Überraschung", json!({"$type": "app.bsky.richtext.facet#tag", "tag": "Überraschung"})),
            ],
        })
    );
    assert_eq!(pds.posts(&account.did).await.len(), 1);
}

#[tokio::test]
async fn a_post_is_taken_back() {
    let (pds, account, stage) = real().await;
    let _crierd = stage.deployment.start().await;
    let target = stage.published(stage.post("regretted").await).await;
    assert_eq!(pds.posts(&account.did).await.len(), 1);
    let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let action: Uuid = stage.sql.value("SELECT crier.delete_published($1)", &[&id]).await;
    wait_for("the post to be taken back", SOON, async || {
        let action: Value = stage.sql.value("SELECT crier.get_action($1)", &[&action]).await;
        if action["state"] == "done" { Ok(()) } else { Err(action) }
    })
    .await;
    assert_eq!(pds.posts(&account.did).await, Vec::<Value>::new());
}

/// What the provider relies on: the same record under the same key, which is made from an id, changes nothing.
#[tokio::test]
async fn a_like_under_a_key_of_our_own_is_one_record() {
    let (pds, account, _stage) = real().await;
    let xrpc = Xrpc::new(pds.url());
    let login = json!({"identifier": account.handle, "password": account.app_password});
    let session = xrpc.post("com.atproto.server.createSession", &login, None).await.ok();
    let token = session["accessJwt"].as_str();
    let subject = json!({"uri": format!("at://{}/app.bsky.feed.post/3jzfcijpj2z2a", account.did), "cid": cid::of_bytes(b"x")});
    for (collection, subject) in
        [("app.bsky.feed.like", subject), ("app.bsky.graph.follow", json!(account.did))]
    {
        let record =
            json!({"$type": collection, "subject": subject, "createdAt": "2026-11-30T00:00:00.000Z"});
        let put =
            json!({"repo": account.did, "collection": collection, "rkey": "3mk5nxzqabc2a", "record": record});
        let first = xrpc.post("com.atproto.repo.putRecord", &put, token).await.ok();
        let second = xrpc.post("com.atproto.repo.putRecord", &put, token).await.ok();
        assert_eq!((&first["uri"], &first["cid"]), (&second["uri"], &second["cid"]));
        let query = [("repo", account.did.as_str()), ("collection", collection)];
        let listed = xrpc.get("com.atproto.repo.listRecords", &query, None).await.ok();
        assert_eq!(listed["records"].as_array().map(Vec::len), Some(1), "{listed}");
    }
}

#[tokio::test]
async fn a_post_with_images() {
    let (pds, account, stage) = real().await;
    let _crierd = stage.deployment.start().await;
    let images = [png(8, 6, [200, 80, 20]), png(3, 9, [20, 80, 200])];
    let media = json!([
        {"url": data_url("image/png", &images[0]), "alt": "orange, \"wide\""},
        {"url": data_url("image/png", &images[1])},
    ]);
    let post = stage.post_with("two images", &media).await;
    let target = stage.published(post).await;
    let record = pds.record(target["external_id"].as_str().expect("an address")).await;
    let image = |bytes: &[u8], alt: &str, width: u32, height: u32| {
        json!({
            "alt": alt,
            "aspectRatio": {"width": width, "height": height},
            "image": {
                "$type": "blob", "ref": {"$link": cid::of_bytes(bytes)}, "mimeType": "image/png", "size": bytes.len(),
            },
        })
    };
    let expected = [image(&images[0], "orange, \"wide\"", 8, 6), image(&images[1], "", 3, 9)];
    assert_eq!(record["value"]["embed"], json!({"$type": "app.bsky.embed.images", "images": expected}));
    assert_eq!(pds.posts(&account.did).await.len(), 1);
}

#[tokio::test]
async fn a_post_with_a_video() {
    let (pds, account, stage) = real().await;
    let _crierd = stage.deployment.start().await;
    let film = film();
    let post =
        stage.post_with("a video", &json!([{"url": data_url("video/mp4", &film), "alt": "moves"}])).await;
    let target = stage.published(post).await;
    let record = pds.record(target["external_id"].as_str().expect("an address")).await;
    let expected = json!({
        "$type": "app.bsky.embed.video",
        "alt": "moves",
        "aspectRatio": {"width": 16, "height": 9},
        "video": {
            "$type": "blob", "ref": {"$link": cid::of_bytes(&film)}, "mimeType": "video/mp4", "size": film.len(),
        },
    });
    assert_eq!(record["value"]["embed"], expected);
    assert_eq!(pds.posts(&account.did).await.len(), 1);
}

#[tokio::test]
async fn the_same_job_again_publishes_nothing_new() {
    let (pds, account, stage) = real().await;
    let _crierd = stage.deployment.start().await;
    let post = stage.post("once").await;
    let first = stage.published(post).await;
    let rev = pds.posts(&account.did).await;
    let job_is_over = async || {
        wait_until("the number of unfinished jobs", "0".to_owned(), async || {
            stage.sql.text("SELECT count(*) FROM crier.jobs WHERE finished_at IS NULL").await
        })
        .await;
    };

    // the job is there again, the outcome is known: nothing to do
    backdoor::undo_end_of_job(&stage.sql, post).await;
    stage.sql.run("NOTIFY crier_jobs").await;
    job_is_over().await;
    assert_eq!(stage.target(post).await["published_at"], first["published_at"]);
    assert_eq!(pds.posts(&account.did).await, rev);

    // the outcome is lost too: the server is asked, and has it. In this order: the sidecar takes the job at once
    backdoor::forget_outcome(&stage.sql, post).await;
    backdoor::undo_end_of_job(&stage.sql, post).await;
    stage.sql.run("NOTIFY crier_jobs").await;
    job_is_over().await;
    let again = stage.published(post).await;
    assert_eq!((&again["external_id"], &again["url"]), (&first["external_id"], &first["url"]));
    assert_eq!(pds.posts(&account.did).await, rev, "expected the server to be as before");
}

#[tokio::test]
async fn an_account_that_is_added_again_stays_the_same() {
    let (pds, account, stage) = real().await;
    let again =
        stage.deployment.add_account(stage.workspace, &account.handle, pds.url(), &account.app_password);
    assert_eq!(again, stage.account);
    let by_did =
        stage.deployment.add_account(stage.workspace, &account.did, pds.url(), &account.app_password);
    assert_eq!(by_did, stage.account, "expected the same account under its DID");
    let accounts = stage.sql.text("SELECT count(*), min(handle) FROM crier.accounts").await;
    assert_eq!(accounts, format!("1|{}", account.handle));
    let _crierd = stage.deployment.start().await;
    let post = stage.post("with the newest credential").await;
    stage.published(post).await;
    assert_eq!(pds.posts(&account.did).await.len(), 1);
}

#[tokio::test]
async fn what_the_server_refuses_fails_with_its_reason() {
    let (_pds, _account, stage) = real().await;
    let _crierd = stage.deployment.start().await;
    // says PNG, is none: accepted when it is created, refused by the server
    let media = json!([{"url": data_url("image/png", b"this is no image at all"), "alt": ""}]);
    let post = stage.post_with("no image", &media).await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(target["error"]["class"], "content_invalid", "{target}");
    assert!(target["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{target}");
    let state = stage.sql.text(&format!("SELECT state FROM crier.posts WHERE id = '{post}'")).await;
    assert_eq!(state, "failed");
}

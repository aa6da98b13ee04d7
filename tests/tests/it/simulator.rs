//! The simulator answers as the real server does: the same questions to both, the same answers expected.

mod faults;
mod instagram;
mod mastodon;
mod surface;
mod x;

use crier_tests::images::{film, png};
use crier_tests::pds::Pds;
use crier_tests::sim::Sim;
use crier_tests::xrpc::{Reply, Xrpc};
use serde_json::{Value, json};

const POST: &str = "app.bsky.feed.post";
const PUT: &str = "com.atproto.repo.putRecord";
const CREATE: &str = "com.atproto.repo.createRecord";
const GET: &str = "com.atproto.repo.getRecord";
const DELETE: &str = "com.atproto.repo.deleteRecord";
const CREATE_SESSION: &str = "com.atproto.server.createSession";
const REFRESH: &str = "com.atproto.server.refreshSession";

/// A server, and an account on it.
struct Api {
    xrpc: Xrpc,
    did: String,
    handle: String,
    password: String,
    access: String,
}

impl Api {
    async fn log_in(base: &str, did: String, handle: &str, password: &str) -> Self {
        let xrpc = Xrpc::new(base);
        let input = json!({"identifier": handle, "password": password});
        let session = xrpc.post(CREATE_SESSION, &input, None).await.ok();
        assert_eq!(session["did"], json!(did));
        let access = session["accessJwt"].as_str().expect("an access token").to_owned();
        Self { xrpc, did, handle: handle.into(), password: password.into(), access }
    }

    async fn on(sim: &Sim) -> Self {
        let did = sim.add_bluesky_account("bob.test", "the password");
        Self::log_in(&sim.bluesky_url(), did, "bob.test", "the password").await
    }

    async fn post(&self, call: &str, input: &Value) -> Reply {
        self.xrpc.post(call, input, Some(&self.access)).await
    }

    async fn put(&self, rkey: &str, record: &Value) -> Reply {
        let input = json!({
            "repo": self.did, "collection": POST, "rkey": rkey, "record": record, "swapRecord": null,
        });
        self.post(PUT, &input).await
    }

    async fn upload(&self, content_type: &str, bytes: Vec<u8>) -> Value {
        self.xrpc.upload(content_type, bytes, Some(&self.access)).await.ok()["blob"].clone()
    }

    async fn get_record(&self, rkey: &str) -> Reply {
        let query = [("repo", self.did.as_str()), ("collection", POST), ("rkey", rkey)];
        self.xrpc.get(GET, &query, None).await
    }
}

fn record(text: &str) -> Value {
    json!({"$type": POST, "text": text, "createdAt": "2026-11-22T03:00:00.000Z"})
}

fn with_image(blob: &Value) -> Value {
    let mut post = record("an image");
    let image = json!({"alt": "colour", "image": blob, "aspectRatio": {"width": 4, "height": 3}});
    post["embed"] = json!({"$type": "app.bsky.embed.images", "images": [image]});
    post
}

#[tokio::test]
async fn the_simulator_behaves_like_the_card() {
    let sim = Sim::start();
    let api = Api::on(&sim).await;
    conforms(&api).await;
    let texts: Vec<_> = sim.ledger().into_iter().map(|entry| entry.text).collect();
    assert_eq!(
        texts,
        ["first", "a link", "an image", "a video"],
        "one entry for each post that became visible, none for edits"
    );
}

#[tokio::test]
async fn the_real_server_behaves_like_the_card() {
    let pds = Pds::shared();
    let account = pds.add_account("bob").await;
    let api = Api::log_in(pds.url(), account.did, &account.handle, &account.app_password).await;
    conforms(&api).await;
}

async fn conforms(api: &Api) {
    sessions(api).await;
    records(api).await;
    blobs(api).await;
    videos(api).await;
    refused_records(api).await;
    identities(api).await;
    deletes(api).await;
}

async fn sessions(api: &Api) {
    let wrong = json!({"identifier": api.handle, "password": "wrong"});
    let reply = api.xrpc.post(CREATE_SESSION, &wrong, None).await;
    assert_eq!(reply.refused(), (401, "AuthenticationRequired"));
    assert_eq!(reply.body["message"], "Invalid identifier or password");
    let missing = api.xrpc.post(CREATE_SESSION, &json!({"identifier": api.handle}), None).await;
    assert_eq!(missing.refused(), (400, "InvalidRequest"));

    let input = json!({"identifier": api.did, "password": api.password});
    let session = api.xrpc.post(CREATE_SESSION, &input, None).await.ok();
    let (access, refresh) = (text(&session["accessJwt"]), text(&session["refreshJwt"]));
    assert_eq!(claims(access)["scope"], "com.atproto.appPass");
    assert_eq!(claims(refresh)["scope"], "com.atproto.refresh");
    let second = |token: &str, claim: &str| claims(token)[claim].as_u64().expect("seconds since 1970");
    let life = |token: &str| second(token, "exp") - second(token, "iat");
    assert_eq!((life(access), life(refresh)), (2 * 3_600, 90 * 86_400));

    let call = "com.atproto.server.getSession";
    let own = api.xrpc.get(call, &[], Some(access)).await.ok();
    assert_eq!(
        (&own["did"], &own["handle"], &own["active"]),
        (&json!(api.did), &json!(api.handle), &json!(true))
    );
    for (token, expected) in [(None, (401, "AuthMissing")), (Some("x.y.z"), (400, "InvalidToken"))] {
        assert_eq!(api.xrpc.get(call, &[], token).await.refused(), expected, "with {token:?}");
    }
    assert_eq!(api.xrpc.get(call, &[], Some(refresh)).await.refused(), (400, "InvalidToken"));
    assert_eq!(api.xrpc.post_nothing(REFRESH, Some(access)).await.refused(), (400, "InvalidToken"));

    let next = api.xrpc.post_nothing(REFRESH, Some(refresh)).await.ok();
    let again = api.xrpc.post_nothing(REFRESH, Some(refresh)).await.ok();
    let successor = |session: &Value| claims(text(&session["refreshJwt"]))["jti"].clone();
    assert_eq!(successor(&next), successor(&again), "the same successor within the grace time");
    assert_ne!(successor(&next), claims(refresh)["jti"], "a refresh rotates");
    api.xrpc.get(call, &[], next["accessJwt"].as_str()).await.ok();
    api.xrpc.post_nothing("com.atproto.server.deleteSession", next["refreshJwt"].as_str()).await;
    let gone = api.xrpc.post_nothing(REFRESH, next["refreshJwt"].as_str()).await;
    assert_eq!(gone.refused(), (400, "ExpiredToken"));
}

async fn records(api: &Api) {
    let first = api.put("3l4rpfq3xak2a", &record("first")).await.ok();
    assert_eq!(first["uri"], json!(format!("at://{}/{POST}/3l4rpfq3xak2a", api.did)));
    assert_eq!(
        first["cid"], "bafyreig7rxncgil2orqv6z3y65hv67lwybuvhhbyfszbir4hn5hls4rccu",
        "as any server computes it"
    );
    assert!(first["commit"]["rev"].is_string(), "{first}");

    let same = api.put("3l4rpfq3xak2a", &record("first")).await.ok();
    assert_eq!(same["cid"], first["cid"]);
    assert_eq!(same.get("commit"), None, "the same record again commits nothing");
    let other = api.put("3l4rpfq3xak2a", &record("other")).await;
    assert_eq!(other.refused(), (400, "InvalidSwap"));
    assert_eq!(other.body["message"], json!(format!("Record was at {}", text(&first["cid"]))));

    let found = api.get_record("3l4rpfq3xak2a").await.ok();
    assert_eq!((&found["value"], &found["cid"]), (&record("first"), &first["cid"]));
    assert_eq!(api.get_record("3l4rpfq3xak2z").await.refused(), (400, "RecordNotFound"));

    let taken =
        json!({"repo": api.did, "collection": POST, "rkey": "3l4rpfq3xak2a", "record": record("first")});
    assert_eq!(api.post(CREATE, &taken).await.refused(), (500, "InternalServerError"));
    let bad_key = api.put("bad", &record("x")).await;
    assert_eq!(bad_key.refused(), (400, "InvalidRequest"));
    assert!(text(&bad_key.body["message"]).contains("Invalid TID string"), "{bad_key:?}");

    let mut linked = record("a link");
    let feature = json!({"$type": "app.bsky.richtext.facet#link", "uri": "https://a.example"});
    linked["facets"] = json!([{"index": {"byteStart": 2, "byteEnd": 6}, "features": [feature]}]);
    let swap = json!({"repo": api.handle, "collection": POST, "rkey": "3l4rpfq3xak2b", "record": linked});
    api.post(PUT, &swap).await.ok();
    let edited =
        json!({"repo": api.did, "collection": POST, "rkey": "3l4rpfq3xak2b", "record": record("edited")});
    assert!(
        api.post(PUT, &edited).await.ok()["commit"].is_object(),
        "without swapRecord a record is replaced"
    );

    let query = [("repo", api.did.as_str()), ("collection", POST), ("limit", "10"), ("reverse", "true")];
    let list = api.xrpc.get("com.atproto.repo.listRecords", &query, None).await.ok();
    let texts: Vec<_> =
        list["records"].as_array().expect("records").iter().map(|r| &r["value"]["text"]).collect();
    assert_eq!(texts, ["first", "edited"]);
}

async fn blobs(api: &Api) {
    let image = png(4, 3, [64, 128, 192]);
    let blob = api.upload("image/png", image.clone()).await;
    assert_eq!((&blob["mimeType"], &blob["size"]), (&json!("image/png"), &json!(image.len())));
    assert_eq!(api.upload("application/json", image).await, blob, "the type is found in the bytes");
    let hello = api.upload("text/plain", b"hello".to_vec()).await;
    assert_eq!(hello["ref"]["$link"], "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq");
    let no_token = api.xrpc.upload("text/plain", b"hello".to_vec(), None).await;
    assert_eq!(no_token.refused(), (401, "AuthMissing"));

    let fetch = async |cid: &Value| {
        let query = [("did", api.did.as_str()), ("cid", text(cid))];
        api.xrpc.get("com.atproto.sync.getBlob", &query, None).await
    };
    assert_eq!(
        fetch(&blob["ref"]["$link"]).await.refused(),
        (400, "InvalidRequest"),
        "not before a record refers to it"
    );
    api.put("3l4rpfq3xak2c", &with_image(&blob)).await.ok();
    let fetched = fetch(&blob["ref"]["$link"]).await;
    assert_eq!((fetched.status, fetched.header("content-type")), (200, "image/png"));

    let big = [png(4, 3, [0; 3]), vec![0; 2_000_001]].concat();
    let big = api.upload("image/png", big).await;
    let refused = api.put("3l4rpfq3xak2d", &with_image(&big)).await;
    assert_eq!(refused.refused(), (400, "InvalidRequest"));
    assert!(text(&refused.body["message"]).contains("blob too big"), "{refused:?}");
    let not_an_image = api.put("3l4rpfq3xak2d", &with_image(&hello)).await;
    assert_eq!(not_an_image.refused(), (400, "InvalidRequest"));
    let mut unknown = blob.clone();
    unknown["ref"]["$link"] = json!("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy");
    assert_eq!(api.put("3l4rpfq3xak2d", &with_image(&unknown)).await.refused(), (400, "BlobNotFound"));
}

async fn videos(api: &Api) {
    let film = film();
    let blob = api.upload("video/mp4", film.clone()).await;
    assert_eq!((&blob["mimeType"], &blob["size"]), (&json!("video/mp4"), &json!(film.len())));
    let with = |blob: &Value, alt: &str| {
        let mut post = record("a video");
        let shape = json!({"width": 16, "height": 9});
        post["embed"] =
            json!({"$type": "app.bsky.embed.video", "video": blob, "alt": alt, "aspectRatio": shape});
        post
    };
    api.put("3l4rpfq3xak2f", &with(&blob, "moves")).await.ok();
    let image = api.upload("image/png", png(4, 3, [64, 128, 192])).await;
    let mut unknown = blob.clone();
    unknown["ref"]["$link"] = json!("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy");
    let mut flat = with(&blob, "");
    flat["embed"]["aspectRatio"]["height"] = json!(0);
    for (bad, refused) in [
        (with(&image, ""), "InvalidRequest"),
        (with(&unknown, ""), "BlobNotFound"),
        (with(&blob, &"a".repeat(1_001)), "InvalidRequest"),
        (flat, "InvalidRequest"),
    ] {
        assert_eq!(api.put("3l4rpfq3xak2g", &bad).await.refused(), (400, refused), "{bad}");
    }

    let call = "com.atproto.server.getServiceAuth";
    let upload = "com.atproto.repo.uploadBlob";
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    let ask = async |aud: &str, lxm: Option<&str>, exp: u64| {
        let exp = exp.to_string();
        let mut query = vec![("aud", aud), ("exp", exp.as_str())];
        query.extend(lxm.map(|lxm| ("lxm", lxm)));
        api.xrpc.get(call, &query, Some(&api.access)).await
    };
    let given = ask("did:web:a.example%3A8443", Some(upload), now + 1_800).await.ok();
    let said = claims(text(&given["token"]));
    assert_eq!(
        [&said["iss"], &said["aud"], &said["lxm"], &said["exp"]],
        [&json!(api.did), &json!("did:web:a.example%3A8443"), &json!(upload), &json!(now + 1_800)]
    );
    for (lxm, exp) in [(Some(upload), now - 60), (Some(upload), now + 7_200), (None, now + 600)] {
        let refused = ask("did:web:a.example", lxm, exp).await;
        assert_eq!(refused.refused(), (400, "BadExpiration"), "{lxm:?} {exp}");
    }
    assert_eq!(ask("a.example", Some(upload), now + 60).await.status, 500);
    let no_token = api.xrpc.get(call, &[("aud", "did:web:a.example")], None).await;
    assert_eq!(no_token.refused(), (401, "AuthMissing"));
}

async fn refused_records(api: &Api) {
    let change = |key: &str, value: Value| {
        let mut record = record("x");
        record[key] = value;
        record
    };
    let mut without_date = record("x");
    without_date.as_object_mut().expect("an object").remove("createdAt");
    let half_facet = json!([{"index": {"byteStart": 0}, "features": []}]);
    let named = json!({"uri": format!("at://{}/{POST}/3l4rpfq3xak2a", api.did), "cid": "bafyreig7rxncgil2orqv6z3y65hv67lwybuvhhbyfszbir4hn5hls4rccu"});
    let odd = |key: &str, value: &str| {
        let mut odd = named.clone();
        odd[key] = json!(value);
        change("reply", json!({"root": named, "parent": odd}))
    };
    for (bad, expected) in [
        (change("reply", json!({"parent": named})), "Missing required key \"root\""),
        (
            change("reply", json!({"root": named, "parent": {"uri": named["uri"]}})),
            "Missing required key \"cid\"",
        ),
        (
            odd("uri", "https://a.example"),
            "Invalid at-uri (got \"https://a.example\") at $.record.reply.parent.uri",
        ),
        (odd("cid", "x"), "Invalid CID"),
        (without_date, "Missing required key \"createdAt\""),
        (change("createdAt", json!("x")), "Invalid datetime"),
        (change("text", json!("a".repeat(301))), "grapheme too big (maximum 300, got 301)"),
        (change("text", json!("👨‍👩‍👧‍👧".repeat(121))), "string too big (maximum 3000, got 3025)"),
        (change("langs", json!(["a", "en", "de", "fr"])), "array too big (maximum 3, got 4)"),
        (change("facets", half_facet), "Missing required key \"byteEnd\""),
        (change("$type", json!("app.bsky.feed.like")), "Invalid $type: expected app.bsky.feed.post"),
    ] {
        let reply = api.put("3l4rpfq3xak2e", &bad).await;
        assert_eq!(reply.refused(), (400, "InvalidRequest"), "{expected}");
        assert!(text(&reply.body["message"]).contains(expected), "expected {expected:?} in {reply:?}");
    }
    let stranger = json!({"repo": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "collection": POST, "rkey": "3l4rpfq3xak2e", "record": record("x")});
    assert_eq!(api.post(PUT, &stranger).await.refused(), (403, "AccountNotFound"));
}

async fn identities(api: &Api) {
    let resolve = async |handle: &str| {
        api.xrpc.get("com.atproto.identity.resolveHandle", &[("handle", handle)], None).await
    };
    assert_eq!(resolve(&api.handle).await.ok(), json!({"did": api.did}));
    let unknown = resolve("nobody.test").await;
    assert_eq!(unknown.refused(), (400, "InvalidRequest"));
    assert_eq!(unknown.body["message"], "Unable to resolve handle");
}

async fn deletes(api: &Api) {
    let input = json!({"repo": api.did, "collection": POST, "rkey": "3l4rpfq3xak2a"});
    assert!(api.post(DELETE, &input).await.ok()["commit"].is_object());
    assert_eq!(api.post(DELETE, &input).await.ok(), json!({}), "a delete twice is a success twice");
    assert_eq!(api.get_record("3l4rpfq3xak2a").await.refused(), (400, "RecordNotFound"));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text, not {value}"))
}

fn claims(token: &str) -> Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).unwrap_or_else(|| panic!("not a token: {token}"));
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64");
    serde_json::from_slice(&json).expect("JSON claims")
}

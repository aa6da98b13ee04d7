//! Every request that is built, compared with `tests/fixtures/slack/requests.json`.

use std::collections::BTreeMap;

use super::*;
use crate::providers::golden;

/// What one call asks. The server's own address and times are left out.
async fn asked(
    external_id: &'static str,
    answers: Vec<(u16, Value)>,
    call: impl AsyncFnOnce(&Slack, &Caller) -> Result<(), Failure>,
) -> Vec<String> {
    let script = Script::start(answers).await;
    call(&provider(), &caller(&script, external_id)).await.unwrap();
    let since = |line: &String| line.split_once("oldest=").map(|(_, rest)| rest[..10].to_owned());
    let seen = script.seen().into_iter();
    seen.map(|line| since(&line).map_or(line.clone(), |time| line.replace(&time, "(time)"))).collect()
}

/// Publishes a post: what is asked, without the key.
async fn publishing(external_id: &'static str, post: Post, answers: Vec<(u16, Value)>) -> Vec<String> {
    let mut key = String::new();
    let seen = asked(external_id, answers, async |provider, caller| {
        let mut prepared = Value::Null;
        while let Some(more) = provider.prepare(caller, &post, &prepared).await? {
            prepared = more;
        }
        let frozen = provider.draft(&post, &prepared)?;
        key = frozen.key.clone();
        provider.commit(caller, &bare(), &frozen).await.map(drop)
    })
    .await;
    seen.into_iter().map(|line| line.replace(&key, "(key)")).collect()
}

/// What is asked where a file is uploaded: the place of its bytes is on the same server.
async fn with_a_file() -> Vec<String> {
    let script = Script::start(vec![]).await;
    let refused = {
        let (provider, caller) = (provider(), caller(&script, BOT));
        let post = post("", json!([{"url": GIF, "alt": "a dot"}]), json!({}));
        let place = json!({"place": {"channel": CHANNEL, "thread": null}, "files": []});
        provider.prepare(&caller, &post, &place).await
    };
    assert!(refused.is_err());
    script.seen()
}

async fn all() -> BTreeMap<&'static str, Vec<String>> {
    let text = |settings| post("Hello <!channel> & *more* \"é\"", json!([]), settings);
    let answer = |settings| Post {
        reply_to: Some("C022/1795000000.000200/1795000000.000050".into()),
        ..text(settings)
    };
    let files = json!([{"id": "F1", "title": "image-1.gif"}, {"id": "F2", "title": "document-2.pdf"}]);
    let with_files = drafted(&post("see <this>", json!([]), json!({})), files);
    let frozen = drafted(&text(json!({})), json!([]));
    let in_thread = drafted(&answer(json!({})), json!([]));
    let named = "https://acme.slack.com/archives/C022/p1795000000000100";
    let acted = async |act: Act| {
        asked(BOT, vec![ok(json!({}))], async |provider, caller| provider.act(caller, &act).await.map(drop))
            .await
    };
    let looked = async |frozen: &Frozen, answers| {
        asked(BOT, answers, async |provider, caller| {
            provider.look(&caller.account, Some(&caller.session), sought(frozen)).await.map(drop)
        })
        .await
    };
    BTreeMap::from([
        ("bot_text", publishing(BOT, text(json!({})), vec![posted(), linked()]).await),
        ("bot_answer", publishing(BOT, answer(json!({"previews": true})), vec![posted(), linked()]).await),
        ("bot_upload", with_a_file().await),
        (
            "bot_files",
            asked(
                BOT,
                vec![ok(json!({})), shares("1795000000.000100"), linked()],
                async |provider, caller| provider.commit(caller, &bare(), &with_files).await.map(drop),
            )
            .await,
        ),
        ("webhook_text", publishing(WEBHOOK, text(json!({})), vec![(200, json!("ok"))]).await),
        ("bot_look", looked(&frozen, vec![history(json!([]))]).await),
        ("bot_look_in_thread", looked(&in_thread, vec![history(json!([]))]).await),
        ("bot_look_for_files", looked(&with_files, vec![no("file_not_found")]).await),
        (
            "bot_login",
            asked(BOT, vec![me(), history(json!([]))], async |provider, caller| {
                provider.login(&caller.account.base_url, CHANNEL, &TOKEN.into()).await.map(drop)
            })
            .await,
        ),
        ("login", login::asked().await),
        (
            "webhook_login",
            asked(WEBHOOK, vec![(400, json!("no_text"))], async |provider, caller| {
                let address = format!("{}/services/T1/B5/abcDEF", caller.account.base_url);
                provider.login(&caller.account.base_url, "news", &address.into()).await.map(drop)
            })
            .await,
        ),
        ("bot_delete", acted(Act::Delete { post: named.into() }).await),
        ("bot_like", acted(Act::Like { post: named.into(), key: Uuid::nil() }).await),
        (
            "bot_metrics",
            asked(BOT, vec![ok(json!({"message": {}}))], async |provider, caller| {
                provider.metrics(caller, named).await.map(drop)
            })
            .await,
        ),
        (
            "reach",
            asked(BOT, vec![ok(json!({}))], async |provider, caller| {
                provider.reach(&caller.account.base_url).await
            })
            .await,
        ),
    ])
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("slack", &all().await);
}

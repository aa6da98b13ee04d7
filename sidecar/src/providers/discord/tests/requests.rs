//! Every request that is built, compared with `tests/fixtures/discord/requests.json`.

use std::collections::BTreeMap;

use super::*;
use crate::providers::golden;

/// The same with a key that is known.
fn under_known_key(frozen: &Frozen) -> Frozen {
    let nonce = |key: &str| super::publish::nonce(key).unwrap();
    let request = frozen.request.replace(&nonce(&frozen.key), &nonce(KEY));
    Frozen { key: KEY.into(), request }
}

/// Publishes a post and gives what was asked for it, without the files.
async fn publishing(external_id: &'static str, post: Post) -> Vec<String> {
    let answer = if external_id == BOT { channel() } else { webhook() };
    let script = Script::start(vec![answer, made("9", "22")]).await;
    let (provider, caller) = (provider(), caller(&script, external_id));
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(&caller, &post, &prepared).await.unwrap() {
        prepared = more;
    }
    let frozen = under_known_key(&provider.draft(&post, &prepared).unwrap());
    provider.commit(&caller, &post, &frozen).await.unwrap();
    let gif = STANDARD.decode(GIF.rsplit(',').next().unwrap_or_default()).unwrap();
    let shown = String::from_utf8_lossy(&gif).into_owned();
    script.seen().into_iter().map(|line| line.replace(&shown, "(gif)")).collect()
}

/// What one call asks.
async fn asked(
    external_id: &'static str,
    answers: Vec<(u16, Value)>,
    call: impl AsyncFnOnce(&Discord, &Caller) -> Result<(), Failure>,
) -> Vec<String> {
    let script = Script::start(answers).await;
    call(&provider(), &caller(&script, external_id)).await.unwrap();
    script.seen()
}

async fn all() -> BTreeMap<&'static str, Vec<String>> {
    let text = |settings| post("Hello <@1> & more \"é\"\n@everyone", json!([]), settings);
    let files = || post("two", json!([gif(), pdf()]), json!({}));
    let for_bots = json!({"mentions": ["users"], "silent": true, "without_previews": true,
                          "embeds": [{"title": "t", "description": "d", "url": "https://a.example", "color": 255,
                                      "image": "https://a.example/a.png"}]});
    let for_webhooks =
        json!({"username": "News", "avatar_url": "https://a.example/a.png", "thread_name": "May"});
    let me = (200, json!({"id": "7", "username": "b", "bot": true}));
    let none = || (200, json!([]));
    let frozen = drafted(BOT, &text(json!({}))).await.unwrap();
    let delete = |post: &str| Act::Delete { post: post.into() };
    let acted = async |external_id, act: Act| {
        asked(external_id, vec![(200, json!({}))], async |provider, caller| {
            provider.act(caller, &act).await.map(drop)
        })
        .await
    };
    BTreeMap::from([
        ("bot_text", publishing(BOT, text(json!({}))).await),
        ("bot_settings", publishing(BOT, text(for_bots)).await),
        ("bot_files", publishing(BOT, files()).await),
        ("bot_reply", publishing(BOT, Post { reply_to: Some("22/8".into()), ..text(json!({})) }).await),
        ("webhook_text", publishing(WEBHOOK, text(json!({}))).await),
        ("webhook_files", publishing(WEBHOOK, files()).await),
        ("webhook_forum", publishing(WEBHOOK, text(for_webhooks)).await),
        ("webhook_thread", publishing(WEBHOOK, text(json!({"thread_id": "23"}))).await),
        (
            "bot_login",
            asked(BOT, vec![me, channel(), error(404, 10_008)], async |provider, caller| {
                let login = provider.login(&caller.account.base_url, "22", &TOKEN.into()).await;
                login.map(drop)
            })
            .await,
        ),
        (
            "webhook_login",
            asked(WEBHOOK, vec![webhook()], async |provider, caller| {
                let address = format!("{}/api/webhooks/55/{TOKEN}", caller.account.base_url);
                provider.login(&caller.account.base_url, "55", &address.into()).await.map(drop)
            })
            .await,
        ),
        (
            "bot_look",
            asked(BOT, vec![none(), error(404, 10_008)], async |provider, caller| {
                provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await.map(drop)
            })
            .await,
        ),
        ("bot_delete", acted(BOT, delete("9")).await),
        ("webhook_delete", acted(WEBHOOK, delete("9")).await),
        ("webhook_delete_in_thread", acted(WEBHOOK, delete("23/9")).await),
        ("bot_like", acted(BOT, Act::Like { post: "9".into(), key: Uuid::nil() }).await),
        (
            "bot_metrics",
            asked(BOT, vec![(200, json!({}))], async |provider, caller| {
                provider.metrics(caller, "https://discord.com/channels/1/22/9").await.map(drop)
            })
            .await,
        ),
        (
            "reach",
            asked(BOT, vec![(200, json!({"url": "wss://gateway.discord.gg"}))], async |provider, caller| {
                provider.reach(&caller.account.base_url).await
            })
            .await,
        ),
    ])
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("discord", &all().await);
}

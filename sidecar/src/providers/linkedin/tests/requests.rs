//! Every request that is built, compared with `tests/fixtures/linkedin/requests.json`.

use std::collections::BTreeMap;

use super::*;
use crate::providers::golden;

const HEADERS: &[&str] = &["linkedin-version", "x-restli-protocol-version", "x-restli-method"];

async fn asked(
    author: &str,
    script: Vec<Told>,
    call: impl AsyncFnOnce(&LinkedIn, &Caller) -> Result<(), Failure>,
) -> Vec<Value> {
    let server = Scripted::noting(HEADERS, script).await;
    // in another version, at another place
    let endpoints = Endpoints {
        api_version: Some("202612".into()),
        token_url: Some(format!("{}/oauth/v2/accessToken", server.url)),
        ..Endpoints::default()
    };
    call(&LinkedIn { endpoints, ..provider() }, &server.caller(author, "alice")).await.unwrap();
    server.seen()
}

/// Publishes a post and gives what was asked for it.
async fn publishing(author: &str, mut script: Vec<Told>, post: Post) -> Vec<Value> {
    script.push(MADE_HERE);
    asked(author, script, async |provider, caller| {
        let prepared = prepare(provider, caller, &post).await?;
        let frozen = provider.draft(&post, &prepared)?;
        provider.commit(caller, &bare(), &frozen).await.map(drop)
    })
    .await
}

async fn all() -> BTreeMap<&'static str, Vec<Value>> {
    let put = || (201, &[("etag", "\"e1\"")][..], Value::Null);
    let image = |alt: &str| json!({ "url": GIF, "alt": alt });
    let range = |first: usize, last: usize| json!({ "uploadUrl": format!("SERVER/dms-uploads/{first}"), "firstByte": first, "lastByte": last });
    let parts = json!({ "value": {
        "video": "urn:li:video:V1", "uploadToken": "token-of-it",
        "uploadInstructions": [range(0, 49), range(50, 98)],
    }});
    let available = || (200, &[][..], json!({ "status": "AVAILABLE" }));
    let article = json!({ "article": { "url": "https://a.example/x?y=1", "title": "X", "description": "about X" },
                          "visibility": "connections", "no_resharing": true });
    let figures = json!({ "impressionCount": 9, "likeCount": -1, "commentCount": 2, "shareCount": 3, "engagement": 0.5 });
    let counted = list(vec![json!({ "totalShareStatistics": figures })]);
    let comment =
        json!({ "commentUrn": "urn:li:comment:(urn:li:activity:71,72)", "id": "72", "actor": PAGE });
    let role = json!({ "organization": PAGE, "role": "ADMINISTRATOR", "state": "APPROVED" });
    BTreeMap::from([
        ("text", publishing(MEMBER, vec![], post("Hi (you) #rust #a_b @x", json!([]), json!({}))).await),
        ("article", publishing(MEMBER, vec![], post("see", json!([]), article)).await),
        ("image", publishing(PAGE, vec![place("image", "I1"), put()], post("hi", json!([image("a dot")]), json!({}))).await),
        (
            "images",
            publishing(
                PAGE,
                vec![place("image", "I1"), put(), place("image", "I2"), put()],
                post("", json!([image("one"), image("")]), json!({})),
            )
            .await,
        ),
        (
            "video",
            publishing(
                PAGE,
                vec![(200, &[], parts), put(), put(), (200, &[], Value::Null), available()],
                post("hi", video(99), json!({ "title": "It moves" })),
            )
            .await,
        ),
        (
            "document",
            publishing(
                PAGE,
                vec![place("document", "D1"), put(), available()],
                post("hi", file("application/pdf", b"%PDF-1.7", 40), json!({})),
            )
            .await,
        ),
        (
            "look",
            asked(PAGE, vec![list(vec![])], async |provider, caller| {
                let frozen = frozen_by(PAGE, json!({}));
                provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await.map(drop)
            })
            .await,
        ),
        (
            "comment",
            asked(PAGE, vec![(201, &[], comment), list(vec![])], async |provider, caller| {
                let comment = Post { reply_to: Some("urn:li:share:71".into()), ..post("thanks (all)", json!([]), json!({})) };
                let prepared = prepare(provider, caller, &comment).await?;
                let frozen = provider.draft(&comment, &prepared)?;
                let made = provider.commit(caller, &bare(), &frozen).await?;
                assert_eq!(made.external_id, "urn:li:comment:(urn:li:activity:71,72)");
                provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await.map(drop)
            })
            .await,
        ),
        (
            "delete",
            asked(PAGE, vec![(204, &[], Value::Null); 2], async |provider, caller| {
                for post in ["urn:li:share:71", "urn:li:comment:(urn:li:activity:71,72)"] {
                    provider.act(caller, &Act::Delete { post: post.into() }).await?;
                }
                Ok(())
            })
            .await,
        ),
        (
            "metrics",
            asked(PAGE, vec![counted.clone(), counted], async |provider, caller| {
                let expected = Metrics { views: Some(9), likes: Some(0), replies: Some(2), shares: Some(3) };
                for post in ["urn:li:share:71", "urn:li:ugcPost:71"] {
                    assert_eq!(provider.metrics(caller, post).await?, expected);
                }
                Ok(())
            })
            .await,
        ),
        (
            "login_page",
            asked(
                PAGE,
                vec![
                    (200, &[], json!({ "sub": "a1", "name": "Alice" })),
                    list(vec![role]),
                    list(vec![]),
                    (200, &[], json!({ "localizedName": "Acme" })),
                ],
                async |provider, caller| {
                    provider.login(&caller.account.base_url, "organization:7", &"access".into()).await.map(drop)
                },
            )
            .await,
        ),
        (
            "refresh",
            asked(
                MEMBER,
                vec![(200, &[], json!({ "access_token": "a2", "expires_in": 5_184_000, "refresh_token": "refresh", "refresh_token_expires_in": 31_536_000 }))],
                async |provider, caller| {
                    let session = provider.refresh(caller).await?;
                    assert!(provider.lifetime(&session).refresh_expires_at.is_some());
                    Ok(())
                },
            )
            .await,
        ),
    ])
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("linkedin", &all().await);
}

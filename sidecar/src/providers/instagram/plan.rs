//! What a post on Instagram is made of.

use crier_core::media::{Attachment, Kind};
use crier_core::platform::instagram::{self, PLATFORM, Placement, Settings};
use serde_json::json;

use crate::providers::graph::Params;
use crate::providers::graph::containers::{Containers, Plan, Shown, address, alternative, invalid};
use crate::providers::{Failure, Post};

/// How Instagram has containers.
pub(super) static CONTAINERS: Containers = Containers {
    platform: "instagram",
    make: "media",
    publish: "media_publish",
    quota: "content_publishing_limit",
    state: ["status_code", "status"],
    text: "caption",
    list: |shown| if shown == Shown::Story { "stories" } else { "media" },
    plan,
    page: super::page,
};

/// Plans the containers of a post.
fn plan(post: &Post) -> Result<Plan, Failure> {
    let media = post.attachments()?;
    let settings = instagram::settings(&post.settings)
        .map_err(|why| invalid(&format!("the settings for instagram {why}")))?;
    let placement = settings.placement(&media);
    let shown = if placement == Placement::Story { Shown::Story } else { Shown::Feed };
    let (parts, mut whole) = match (placement, media.as_slice()) {
        (Placement::Story, [only]) => (vec![], story(only)?),
        (Placement::Reel | Placement::Feed, [only]) => (vec![], single(only, &settings)?),
        (Placement::Feed, [_, _, ..]) => {
            let parts = media.iter().map(part).collect::<Result<_, _>>()?;
            (parts, vec![("media_type", "CAROUSEL".to_owned())])
        }
        _ => return Err(invalid("the post is not what its placement takes")),
    };
    if shown != Shown::Story {
        describe(&mut whole, &post.content, settings);
    }
    Ok(Plan { parts, whole, shown })
}

fn single(only: &Attachment, settings: &Settings) -> Result<Params, Failure> {
    let mut params = vec![];
    if only.kind() == Kind::Video {
        params.push(("media_type", "REELS".to_owned()));
    }
    params.push(address(PLATFORM.name, only)?);
    match only.kind() {
        Kind::Image => params.extend(alternative(only)),
        Kind::Video | Kind::Document => {
            params.extend(settings.share_to_feed.map(|share| ("share_to_feed", share.to_string())));
            params.extend(settings.cover_url.clone().map(|url| ("cover_url", url)));
        }
    }
    Ok(params)
}

fn story(only: &Attachment) -> Result<Params, Failure> {
    Ok(vec![("media_type", "STORIES".to_owned()), address(PLATFORM.name, only)?])
}

fn part(one: &Attachment) -> Result<Params, Failure> {
    let mut params = vec![("is_carousel_item", "true".to_owned())];
    match one.kind() {
        Kind::Image => params.extend(alternative(one)),
        Kind::Video | Kind::Document => params.push(("media_type", "VIDEO".to_owned())),
    }
    params.push(address(PLATFORM.name, one)?);
    Ok(params)
}

/// What a story and the parts of a carousel don't have.
fn describe(params: &mut Params, caption: &str, settings: Settings) {
    if !caption.is_empty() {
        params.push(("caption", caption.to_owned()));
    }
    if !settings.collaborators.is_empty() {
        params.push(("collaborators", json!(settings.collaborators).to_string()));
    }
    params.extend(settings.location_id.map(|id| ("location_id", id)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crier_core::error_class::ErrorClass;
    use serde_json::Value;

    fn planned(content: &str, media: Value, settings: Value) -> Result<Plan, Failure> {
        plan(&Post { content: content.into(), media, settings, attempt: 1, reply_to: None })
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let (image, video) =
            (json!({"url": "https://a.example/a.jpg"}), json!({"url": "https://a.example/a.mp4"}));
        for (media, settings) in [
            (json!([]), json!({})),
            (json!(1), json!({})),
            (json!([{"url": "data:image/jpeg;base64,AAAA"}]), json!({})),
            (json!([{"url": "http://a.example/a.jpg"}]), json!({})),
            (json!([image, video]), json!({"placement": "story"})),
            (json!([image, video]), json!({"placement": "reel"})),
            (json!([image]), json!({"placement": "wall"})),
        ] {
            let failure = planned("x", media.clone(), settings).unwrap_err();
            assert_eq!(failure.class, ErrorClass::ContentInvalid, "{media}");
        }
    }

    #[test]
    fn a_story_says_nothing() {
        let plan = planned(
            "unseen",
            json!([{"url": "https://a.example/a.jpg", "alt": "unseen"}]),
            json!({"placement": "story", "location_id": "7"}),
        );
        let whole = vec![("media_type", "STORIES".into()), ("image_url", "https://a.example/a.jpg".into())];
        assert_eq!(plan.unwrap(), Plan { parts: vec![], whole, shown: Shown::Story });
    }
}

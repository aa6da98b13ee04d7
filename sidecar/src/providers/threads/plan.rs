//! What a post on Threads is made of.

use crier_core::media::{Attachment, Kind};
use crier_core::platform::threads::{self, PLATFORM, Settings};

use crate::providers::graph::containers::{Containers, Plan, Shown, address, alternative, invalid};
use crate::providers::graph::{Params, is_id};
use crate::providers::{Failure, Post};

/// How Threads has containers.
pub(super) static CONTAINERS: Containers = Containers {
    platform: "threads",
    make: "threads",
    publish: "threads_publish",
    quota: "threads_publishing_limit",
    state: ["status", "error_message"],
    text: "text",
    list: |shown| if shown == Shown::Reply { "replies" } else { "threads" },
    plan,
    page: super::page,
};

/// Plans the containers of a post.
fn plan(post: &Post) -> Result<Plan, Failure> {
    let media = post.attachments()?;
    let settings = threads::settings(&post.settings)
        .map_err(|why| invalid(&format!("the settings for threads {why}")))?;
    let (parts, mut whole) = match media.as_slice() {
        [] => (vec![], vec![("media_type", "TEXT".to_owned())]),
        [only] => (vec![], medium(only)?),
        several => {
            let part = |one| {
                let mut params = medium(one)?;
                params.push(("is_carousel_item", "true".to_owned()));
                Ok(params)
            };
            let parts = several.iter().map(part).collect::<Result<_, Failure>>()?;
            (parts, vec![("media_type", "CAROUSEL".to_owned())])
        }
    };
    if !post.content.is_empty() {
        whole.push(("text", post.content.clone()));
    }
    describe(&mut whole, settings);
    let shown = match post.reply_to.as_deref() {
        None => Shown::Feed,
        Some(answered) if is_id(answered) => {
            whole.push(("reply_to_id", answered.to_owned()));
            Shown::Reply
        }
        Some(_) => return Err(invalid("what is answered is no post on threads")),
    };
    Ok(Plan { parts, whole, shown })
}

fn medium(one: &Attachment) -> Result<Params, Failure> {
    let kind = if one.kind() == Kind::Video { "VIDEO" } else { "IMAGE" };
    let mut params = vec![("media_type", kind.to_owned()), address(PLATFORM.name, one)?];
    params.extend(alternative(one));
    Ok(params)
}

fn describe(whole: &mut Params, settings: Settings) {
    whole.extend(settings.reply_control.map(|who| ("reply_control", who.as_str().to_owned())));
    whole.extend(settings.topic_tag.map(|topic| ("topic_tag", topic)));
    whole.extend(settings.quote.map(|quoted| ("quote_post_id", quoted)));
    whole.extend(settings.link_attachment.map(|link| ("link_attachment", link)));
}

//! The post: written down once, sent as it was written, looked for by the id of its video or among the page's posts.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::platform::facebook;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::classify::read;
use super::listed::Posts;
use super::prepare::{Form, Prepared};
use super::video::{Publishing, Video, after};
use super::{PERMALINK, page};
use crate::providers::answer::Phase;
use crate::providers::graph::{Graph, Params, is_id, is_object, permalink, published};
use crate::providers::key::new_key;
use crate::providers::own_posts::search;
use crate::providers::{Account, Failure, Found, Frozen, Post, Published, Sought};

/// What is sent, and what it is looked for by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Feed(Feed),
    Video { video: String },
    Reel { video: String, description: String },
    PhotoStory { photo: String },
    VideoStory { video: String },
}

/// A post in the feed.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Feed {
    pub(super) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) photos: Vec<String>,
}

impl Request {
    /// Ids go into addresses.
    fn of(frozen: &Frozen) -> Result<Self, Failure> {
        let request: Option<Self> = serde_json::from_str(&frozen.request).ok();
        let fits = |request: &Self| match request {
            Self::Feed(feed) => feed.photos.iter().all(|photo| is_id(photo)),
            Self::Video { video } | Self::Reel { video, .. } | Self::VideoStory { video } => is_id(video),
            Self::PhotoStory { photo } => is_id(photo),
        };
        request
            .filter(fits)
            .ok_or_else(|| Failure::new(ErrorClass::Config, "the stored request is not of this version"))
    }
}

/// Writes the post down.
pub(super) fn draft(post: &Post, prepared: &Value, now: SystemTime) -> Result<Frozen, Failure> {
    let media = post.attachments()?;
    let settings = facebook::settings(&post.settings).map_err(|why| {
        Failure::new(ErrorClass::ContentInvalid, format!("the settings for facebook {why}"))
    })?;
    let prepared = Prepared::parse(prepared);
    let unready = || Failure::new(ErrorClass::Transient, "the post's media are not uploaded yet");
    let video = || prepared.video().map(str::to_owned).ok_or_else(unready);
    let request = match Form::of(&settings, &media) {
        Form::Feed if prepared.photos.len() != media.len() => return Err(unready()),
        Form::Feed => Request::Feed(Feed {
            message: post.content.clone(),
            link: settings.link,
            photos: prepared.photos.clone(),
        }),
        Form::Video => Request::Video { video: video()? },
        Form::Reel => Request::Reel { video: video()?, description: post.content.clone() },
        Form::VideoStory => Request::VideoStory { video: video()? },
        Form::PhotoStory => {
            let photo = prepared.photos.first().cloned().ok_or_else(unready)?;
            Request::PhotoStory { photo }
        }
    };
    Ok(Frozen { key: new_key(now)?, request: json!(request).to_string() })
}

/// Sends the post.
pub(super) async fn commit(
    server: &Graph<'_>,
    account: &Account,
    frozen: &Frozen,
) -> Result<Published, Failure> {
    let own = &account.external_id;
    match Request::of(frozen)? {
        Request::Feed(feed) => {
            let sent = send(server, &format!("{own}/feed"), &params(feed)).await?;
            let id = sent["id"].as_str().filter(|id| is_object(id)).ok_or_else(no_post)?.to_owned();
            let url = permalink(server, &id, PERMALINK).await;
            let otherwise = format!("https://www.facebook.com/{id}");
            Ok(published(id, url, || otherwise))
        }
        Request::Video { video } => {
            done(&send(server, &video, &vec![("published", "true".to_owned())]).await?)?;
            let url = after(server, &video).await?;
            Ok(shown(video, url))
        }
        Request::Reel { video, description } => {
            let mut params = finish(&video);
            params.push(("video_state", "PUBLISHED".to_owned()));
            if !description.is_empty() {
                params.push(("description", description));
            }
            done(&send(server, &format!("{own}/{}", Form::Reel.edge()), &params).await?)?;
            let url = after(server, &video).await?;
            Ok(shown(video, url))
        }
        Request::PhotoStory { photo } => {
            let sent = send(server, &format!("{own}/photo_stories"), &vec![("photo_id", photo)]).await?;
            story(account, &sent, None)
        }
        Request::VideoStory { video } => {
            let path = format!("{own}/{}", Form::VideoStory.edge());
            let sent = send(server, &path, &finish(&video)).await?;
            story(account, &sent, Some(video))
        }
    }
}

async fn send(server: &Graph<'_>, path: &str, params: &Params) -> Result<Value, Failure> {
    read(Phase::Commit, server.post(path, params).await)
}

fn params(feed: Feed) -> Params {
    let mut params: Params = vec![];
    if !feed.message.is_empty() {
        params.push(("message", feed.message));
    }
    params.extend(feed.link.map(|link| ("link", link)));
    if !feed.photos.is_empty() {
        let photos: Vec<_> = feed.photos.iter().map(|photo| json!({ "media_fbid": photo })).collect();
        params.push(("attached_media", json!(photos).to_string()));
    }
    params
}

fn finish(video: &str) -> Params {
    vec![("upload_phase", "finish".to_owned()), ("video_id", video.to_owned())]
}

/// What says neither yes nor no is not clear.
fn done(sent: &Value) -> Result<(), Failure> {
    if sent["success"] == true { Ok(()) } else { Err(no_post()) }
}

fn no_post() -> Failure {
    let message = "the server answered with no post";
    Failure { status: Some(200), ..Failure::new(ErrorClass::OutcomeUnknown, message) }
}

fn shown(video: String, url: Option<String>) -> Published {
    let otherwise = format!("https://www.facebook.com/{video}");
    published(video, url, || otherwise)
}

/// A story by its own id, or by its video's. It has no page that lasts: the account's stands in.
fn story(account: &Account, sent: &Value, video: Option<String>) -> Result<Published, Failure> {
    done(sent)?;
    let id = sent["post_id"].as_str().map(str::to_owned);
    let id = id.or_else(|| sent["post_id"].as_u64().map(|id| id.to_string())).or(video);
    let id = id.filter(|id| is_object(id)).ok_or_else(no_post)?;
    Ok(published(id, None, || page(account)))
}

/// Looks whether it was published.
pub(super) async fn look(
    server: &Graph<'_>,
    account: &Account,
    sought: Sought<'_>,
) -> Result<Found, Failure> {
    match Request::of(sought.frozen)? {
        Request::Feed(feed) => search(&Posts { server, account, sent: &feed }, sought).await,
        Request::Video { video } => {
            let found = Video::get(server, Phase::Read, &video).await?;
            match found.is_published() {
                Some(true) => Ok(Found::Same(shown(video, found.url()))),
                Some(false) => Ok(Found::Absent),
                None => Err(Failure::new(ErrorClass::Transient, "a video does not say whether it is out")),
            }
        }
        Request::Reel { video, .. } => {
            let found = Video::get(server, Phase::Read, &video).await?;
            Ok(match found.publishing() {
                Publishing::Done => Found::Same(shown(video, found.url())),
                Publishing::Begun => Found::Pending,
                Publishing::NotBegun | Publishing::Failed(_) => Found::Absent,
            })
        }
        Request::VideoStory { video } => match Video::get(server, Phase::Read, &video).await?.publishing() {
            Publishing::Done => Ok(Found::Same(published(video, None, || page(account)))),
            Publishing::Begun => Ok(Found::Pending),
            Publishing::NotBegun | Publishing::Failed(_) => Err(nobody_knows()),
        },
        Request::PhotoStory { photo } => photo_story(server, account, &photo).await,
    }
}

/// The list of stories shows one that is there, where the page keeps its stories. That one is missing proves nothing.
async fn photo_story(server: &Graph<'_>, account: &Account, photo: &str) -> Result<Found, Failure> {
    let query = [("fields", "post_id,media_id,url"), ("limit", "100")];
    let answer = server.get(&format!("{}/stories", account.external_id), &query).await;
    let list: Value = read(Phase::Read, answer)?;
    let ours = list["data"].as_array().into_iter().flatten().find(|story| story["media_id"] == photo);
    let ours = ours.ok_or_else(nobody_knows)?;
    let id = ours["post_id"].as_str().filter(|id| is_object(id)).ok_or_else(nobody_knows)?;
    let url = ours["url"].as_str().map(str::to_owned);
    Ok(Found::Same(published(id.to_owned(), url, || page(account))))
}

fn nobody_knows() -> Failure {
    let message = "facebook does not tell whether a story that it does not show was published";
    Failure::new(ErrorClass::OutcomeUnknown, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_names_something_else_than_ids_is_refused() {
        for odd in [
            "",
            "{}",
            r#"{"video":{"video":"a/b"}}"#,
            r#"{"reel":{"video":"1"}}"#,
            r#"{"feed":{"message":"x","photos":["me"]}}"#,
            r#"{"photo_story":{"photo":""}}"#,
        ] {
            let failure = Request::of(&Frozen { key: "k".into(), request: odd.into() }).unwrap_err();
            assert_eq!(failure.class, ErrorClass::Config, "{odd}");
        }
    }
}

//! Containers: what is to be published, from the call that makes one until it is published or has expired.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Made, Settings, Threads};
use crate::sim::graph::{Params, Refused, has_passed};
use crate::sim::kit::Shelf;
use crate::sim::ledger::Image;

const MAX_TEXT: usize = 500;
const CAROUSEL: std::ops::RangeInclusive<usize> = 2..=20;
const CONTROLS: [&str; 5] =
    ["everyone", "accounts_you_follow", "mentioned_only", "parent_post_author_only", "followers_only"];

/// One container.
pub(super) struct Container {
    pub(super) owner: String,
    pub(super) text: String,
    pub(super) files: Vec<Image>,
    pub(super) reply_to: Option<String>,
    is_child: bool,
    created: SystemTime,
    /// What processing ends with.
    error: Option<String>,
    /// What it was published as.
    pub(super) post: Option<String>,
}

/// How far a container is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Phase {
    InProgress,
    Finished,
    Published,
    Error(String),
    Expired,
}

impl Container {
    pub(super) fn phase(&self, settings: &Settings) -> Phase {
        if self.post.is_some() {
            return Phase::Published;
        }
        if has_passed(self.created, settings.container_seconds) {
            return Phase::Expired;
        }
        match &self.error {
            _ if !has_passed(self.created, settings.processing_seconds) => Phase::InProgress,
            Some(error) => Phase::Error(error.clone()),
            None => Phase::Finished,
        }
    }
}

impl Phase {
    /// A container in this phase, as it is read.
    pub(super) fn node(self, id: &str) -> Value {
        let (word, error) = match self {
            Self::InProgress => ("IN_PROGRESS", None),
            Self::Finished => ("FINISHED", None),
            Self::Published => ("PUBLISHED", None),
            Self::Error(error) => ("ERROR", Some(error)),
            Self::Expired => ("EXPIRED", None),
        };
        json!({"id": id, "status": word, "error_message": error})
    }
}

impl Threads {
    pub(super) fn create(&mut self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let params = made.params;
        let text = params.get("text").unwrap_or_default();
        if counted(text) > MAX_TEXT {
            return Err(Refused::invalid("Param text must be at most 500 characters long."));
        }
        check(params, &made.common.shelf)?;
        let (files, error) = match params.one("media_type")? {
            "TEXT" if text.is_empty() => return Err(Refused::invalid("The parameter text is required")),
            "TEXT" => (vec![], None),
            "IMAGE" => self.fetched(params, "image_url", "image/jpeg")?,
            "VIDEO" => self.fetched(params, "video_url", "video/mp4")?,
            "CAROUSEL" => (self.children(made.caller, params.one("children")?)?, None),
            _ => return Err(Refused::invalid("The media type is unknown.")),
        };
        let id = (17_900_000_000_000_000 + made.common.shelf.next_number()).to_string();
        let container = Container {
            owner: made.caller.to_owned(),
            text: text.to_owned(),
            files,
            reply_to: params.get("reply_to_id").map(str::to_owned),
            is_child: params.is_true("is_carousel_item"),
            created: SystemTime::now(),
            error,
            post: None,
        };
        self.containers.insert(id.clone(), container);
        Ok(json!({"id": id}))
    }

    /// A file that is fetched from its address. Here nothing is: the address is all that is known of it.
    fn fetched(
        &self,
        params: &Params,
        name: &str,
        mime_type: &str,
    ) -> Result<(Vec<Image>, Option<String>), Refused> {
        let url = params.one(name)?;
        if !url.starts_with("https://") {
            return Err(Refused::known(2207052, url));
        }
        let alt = params.get("alt_text").unwrap_or_default().to_owned();
        let file = Image { alt, cid: url.to_owned(), mime_type: mime_type.to_owned(), size: 0 };
        Ok((vec![file], self.settings.fetch_errors.get(url).cloned()))
    }

    /// The files of the containers that a carousel is made of.
    fn children(&self, owner: &str, list: &str) -> Result<Vec<Image>, Refused> {
        let ids: Vec<_> = list.split(',').filter(|id| !id.is_empty()).collect();
        if !CAROUSEL.contains(&ids.len()) {
            return Err(Refused::known(2207028, ""));
        }
        let mut files = Vec::new();
        for id in ids {
            let child = self.containers.get(id).filter(|child| child.owner == owner && child.is_child);
            let child = child.ok_or_else(|| Refused::known(4279009, id))?;
            match child.phase(&self.settings) {
                Phase::Finished => files.extend(child.files.iter().cloned()),
                _ => return Err(Refused::known(4279009, id)),
            }
        }
        Ok(files)
    }
}

/// What a post may be, besides its text and its media.
fn check(params: &Params, shelf: &Shelf) -> Result<(), Refused> {
    if params.get("reply_control").is_some_and(|who| !CONTROLS.contains(&who)) {
        return Err(Refused::invalid("Param reply_control must be one of its values"));
    }
    let topic = params.get("topic_tag").unwrap_or("x");
    if !(1..=50).contains(&topic.chars().count()) || topic.contains(['.', '&']) {
        return Err(Refused::invalid("Param topic_tag is not a topic"));
    }
    if params.get("link_attachment").is_some() && params.get("media_type") != Some("TEXT") {
        return Err(Refused::invalid("link_attachment is for posts of text alone"));
    }
    let named = [params.get("reply_to_id"), params.get("quote_post_id")];
    match named.into_iter().flatten().find(|id| shelf.find(id).is_none()) {
        Some(missing) => Err(Refused::not_there(missing)),
        None => Ok(()),
    }
}

/// Characters, of which those of an emoji count their bytes.
fn counted(text: &str) -> usize {
    let is_emoji =
        |c: char| matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}');
    text.chars().map(|c| if is_emoji(c) { c.len_utf8() } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_counts_its_bytes() {
        assert_eq!(counted("é 😀"), 6);
        assert_eq!(counted("❤\u{fe0f}"), 6);
    }
}

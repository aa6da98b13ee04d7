//! What an application may set, by TikTok's own names.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::COUNT;
use crate::platform::read_settings;
use crate::text::excess;

/// The most units of the title of photos.
const MAX_TITLE: usize = 90;

/// Who sees a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Privacy {
    /// Everybody.
    PublicToEveryone,
    /// Those who follow the account and whom it follows.
    MutualFollowFriends,
    /// Those who follow the account; only of one that is private.
    FollowerOfCreator,
    /// Its owner.
    SelfOnly,
}

impl Privacy {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PublicToEveryone => "PUBLIC_TO_EVERYONE",
            Self::MutualFollowFriends => "MUTUAL_FOLLOW_FRIENDS",
            Self::FollowerOfCreator => "FOLLOWER_OF_CREATOR",
            Self::SelfOnly => "SELF_ONLY",
        }
    }
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who sees it. TikTok has no usual one: whoever posts has to choose. Of a draft its owner does, in the app.
    pub privacy_level: Option<Privacy>,
    /// It goes to the inbox of the account's owner, who finishes it in the app.
    #[serde(default)]
    pub draft: bool,
    /// Nobody can comment on it; otherwise as the account has it.
    pub disable_comment: Option<bool>,
    /// Nobody can make duets with a video; otherwise as the account has it.
    pub disable_duet: Option<bool>,
    /// Nobody can make stitches of a video; otherwise as the account has it.
    pub disable_stitch: Option<bool>,
    /// The picture of a video that is its cover; otherwise the first.
    pub video_cover_timestamp_ms: Option<u32>,
    /// It is a paid partnership.
    #[serde(default)]
    pub brand_content_toggle: bool,
    /// It promotes the owner's own business.
    #[serde(default)]
    pub brand_organic_toggle: bool,
    /// A video that a machine made.
    #[serde(default)]
    pub is_aigc: bool,
    /// The title of photos.
    pub title: Option<String>,
    /// TikTok chooses music for photos.
    pub auto_add_music: Option<bool>,
    /// Which of the photos is the cover, counted from 0; otherwise the first.
    pub photo_cover_index: Option<usize>,
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    if settings.privacy_level.is_none() && !settings.draft {
        let why = "need a privacy_level, which TikTok wants to be chosen for each post: PUBLIC_TO_EVERYONE, \
                   MUTUAL_FOLLOW_FRIENDS, FOLLOWER_OF_CREATOR or SELF_ONLY; or draft";
        return Err(why.to_owned());
    }
    if settings.brand_content_toggle && settings.privacy_level == Some(Privacy::SelfOnly) {
        return Err("have brand_content_toggle and SELF_ONLY; a paid partnership can't be private".to_owned());
    }
    let title = settings.title.as_deref().unwrap_or_default();
    let units = COUNT.count(title);
    if units > MAX_TITLE {
        let excess = excess("", title, COUNT, MAX_TITLE);
        return Err(format!(
            "have a title of {units} units of UTF-16; at most {MAX_TITLE} are accepted; {excess}"
        ));
    }
    Ok(settings)
}

impl Settings {
    /// What is set and has no effect on such a post: TikTok would pass it over without a word.
    pub(super) fn misplaced(&self, is_video: bool) -> Option<String> {
        let direct = [
            ("privacy_level", self.privacy_level.is_some()),
            ("disable_comment", self.disable_comment.is_some()),
            ("brand_content_toggle", self.brand_content_toggle),
            ("brand_organic_toggle", self.brand_organic_toggle),
        ];
        let of_videos = [
            ("disable_duet", self.disable_duet.is_some()),
            ("disable_stitch", self.disable_stitch.is_some()),
            ("video_cover_timestamp_ms", self.video_cover_timestamp_ms.is_some()),
            ("is_aigc", self.is_aigc),
        ];
        let of_photos =
            [("title", self.title.is_some()), ("photo_cover_index", self.photo_cover_index.is_some())];
        let music = [("auto_add_music", self.auto_add_music.is_some())];
        let set =
            |all: &[(&'static str, bool)]| all.iter().find(|(_, is_set)| *is_set).map(|(name, _)| *name);
        let (others, what) = if is_video {
            (set(&of_photos).or(set(&music)), "only photos have")
        } else {
            (set(&of_videos), "only a video has")
        };
        let of_posts = set(&direct).or(set(&of_videos)).or(set(&music)).filter(|_| self.draft);
        others
            .map(|name| format!("have {name}, which {what}"))
            .or(of_posts.map(|name| format!("have {name} and draft; that its owner chooses in the app")))
    }

    /// What is wrong with the cover, of so many photos.
    pub(super) fn cover_of(&self, photos: usize) -> Option<String> {
        let index = self.photo_cover_index.filter(|index| *index >= photos)?;
        Some(format!("have a photo_cover_index of {index}, counted from 0, and the post has {photos} photos"))
    }
}

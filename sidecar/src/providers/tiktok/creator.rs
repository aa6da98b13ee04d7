//! What the creator may post, which TikTok wants to be asked before each post.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use crier_core::platform::tiktok::Settings;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::Api;
use super::classify::read;
use crate::providers::Failure;
use crate::providers::answer::Phase;

/// What TikTok says of a creator. What it does not say it does not forbid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Creator {
    #[serde(default)]
    creator_username: String,
    /// Without these it is no answer.
    privacy_level_options: Vec<String>,
    #[serde(default)]
    comment_disabled: bool,
    #[serde(default)]
    duet_disabled: bool,
    #[serde(default)]
    stitch_disabled: bool,
    #[serde(default)]
    max_video_post_duration_sec: Option<u64>,
}

/// What nobody can do with the creator's posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Disabled {
    #[serde(default)]
    pub(super) comment: bool,
    #[serde(default)]
    pub(super) duet: bool,
    #[serde(default)]
    pub(super) stitch: bool,
}

impl Creator {
    pub(super) async fn ask(api: &Api<'_>, phase: Phase) -> Result<Self, Failure> {
        read(phase, api.post("post/publish/creator_info/query", &[], &json!({})).await)
    }

    /// Their name, if it can stand in an address.
    pub(super) fn username(&self) -> Option<&str> {
        let name = self.creator_username.as_str();
        let is_name = (1..=60).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        is_name.then_some(name)
    }

    /// Checks that they may post so; of photos there is no length.
    pub(super) fn check(&self, settings: &Settings, length: Option<Duration>) -> Result<Disabled, Failure> {
        let refused = |why: String| Err(Failure::new(ErrorClass::ContentInvalid, why));
        let wanted = settings.privacy_level.map_or("", |level| level.as_str());
        if !self.privacy_level_options.iter().any(|level| level == wanted) {
            let options = self.privacy_level_options.join(", ");
            return refused(format!(
                "the account can't post with the privacy_level {wanted}; TikTok offers it {options}"
            ));
        }
        for (what, setting, wanted, disabled) in [
            ("comments", "disable_comment", settings.disable_comment, self.comment_disabled),
            ("duets", "disable_duet", settings.disable_duet, self.duet_disabled),
            ("stitches", "disable_stitch", settings.disable_stitch, self.stitch_disabled),
        ] {
            if disabled && wanted == Some(false) {
                return refused(format!(
                    "the account allows nobody {what}, and the post asks for them: leave {setting} out, or change it in \
                     TikTok's settings"
                ));
            }
        }
        if let (Some(most), Some(length)) = (self.max_video_post_duration_sec, length)
            && length > Duration::from_secs(most)
        {
            let seconds = length.as_secs_f64();
            return refused(format!(
                "video 1 lasts {seconds:.1} seconds; the account may post at most {most}"
            ));
        }
        Ok(Disabled {
            comment: self.comment_disabled,
            duet: self.duet_disabled,
            stitch: self.stitch_disabled,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crier_core::platform::tiktok::settings;

    fn creator(more: serde_json::Value) -> Creator {
        let mut shown = json!({ "creator_username": "alice", "privacy_level_options": ["PUBLIC_TO_EVERYONE", "SELF_ONLY"],
                                "max_video_post_duration_sec": 60 });
        for (name, value) in more.as_object().unwrap() {
            shown[name] = value.clone();
        }
        serde_json::from_value(shown).unwrap()
    }

    fn checked(more: serde_json::Value, set: serde_json::Value, seconds: u64) -> Result<Disabled, String> {
        let settings = settings(&set).unwrap();
        creator(more).check(&settings, Some(Duration::from_secs(seconds))).map_err(|failure| failure.message)
    }

    #[test]
    fn what_a_creator_can_not_do_is_refused_with_what_they_can() {
        let to_all = json!({ "privacy_level": "PUBLIC_TO_EVERYONE" });
        assert_eq!(checked(json!({}), to_all.clone(), 60), Ok(Disabled::default()));
        let followers = json!({ "privacy_level": "FOLLOWER_OF_CREATOR" });
        let why = checked(json!({}), followers, 60).unwrap_err();
        assert!(why.contains("FOLLOWER_OF_CREATOR; TikTok offers it PUBLIC_TO_EVERYONE, SELF_ONLY"), "{why}");
        let why = checked(json!({}), to_all.clone(), 61).unwrap_err();
        assert!(why.contains("lasts 61.0 seconds; the account may post at most 60"), "{why}");
        assert_eq!(
            checked(json!({ "max_video_post_duration_sec": null }), to_all, 999),
            Ok(Disabled::default())
        );
    }

    #[test]
    fn what_is_off_stays_off_and_is_refused_only_where_it_is_asked_for() {
        for (setting, disabled) in [
            ("disable_comment", "comment_disabled"),
            ("disable_duet", "duet_disabled"),
            ("disable_stitch", "stitch_disabled"),
        ] {
            let set = |value| json!({ "privacy_level": "SELF_ONLY", (setting): value });
            let off = json!({ (disabled): true });
            let found = checked(off.clone(), json!({ "privacy_level": "SELF_ONLY" }), 1).unwrap();
            assert_ne!(found, Disabled::default(), "{setting}");
            assert!(checked(off.clone(), set(json!(true)), 1).is_ok(), "{setting}");
            let why = checked(off, set(json!(false)), 1).unwrap_err();
            assert!(why.contains(setting), "{why}");
            assert!(checked(json!({}), set(json!(false)), 1).is_ok(), "{setting}");
        }
    }

    #[test]
    fn a_name_can_stand_in_an_address() {
        let named = |name: &str| creator(json!({ "creator_username": name })).username().map(str::to_owned);
        assert_eq!(named("a.b_c-1"), Some("a.b_c-1".into()));
        for odd in ["", "a/b", "a b", "é", &"a".repeat(61)] {
            assert_eq!(named(odd), None, "{odd}");
        }
        assert!(serde_json::from_value::<Creator>(json!({ "creator_username": "alice" })).is_err());
    }
}

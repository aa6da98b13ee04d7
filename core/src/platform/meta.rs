//! What Meta's platforms have in common.

use serde::Deserialize;

/// The most digits of an id.
const MAX_ID: usize = 40;

/// Whether it is an id: it goes into addresses.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether it is an id, or two of them: Facebook names what belongs to something by both, like `1234_5678`.
pub fn is_object(text: &str) -> bool {
    let (first, second) = text.split_once('_').unwrap_or((text, text));
    is_id(first) && is_id(second)
}

/// Where a post appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// Among the posts.
    Feed,
    /// A video among the reels.
    Reel,
    /// One image or video, for a day.
    Story,
}

impl Placement {
    /// Why media of so many, and so many videos among them, don't go there.
    pub(crate) fn refuses(self, media: usize, videos: usize) -> Option<String> {
        let why = match self {
            Self::Reel if (media, videos) != (1, 1) => "ask for a reel, which is one video",
            Self::Story if media != 1 => "ask for a story, which is one image or one video",
            _ => return None,
        };
        Some(why.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_digits_and_objects_one_or_two_of_them() {
        assert!(is_id("17841400000000001") && is_object("17841400000000001") && is_object("1_2"));
        for odd in ["", "me", "1/2", "1?a=b", "-1", "１", &"1".repeat(41), "1_", "_1", "1_2_3", "1_a"] {
            assert!(!is_id(odd) && !is_object(odd), "{odd}");
        }
    }
}

//! What the server says about itself.

use serde_json::{Value, json};

pub(super) const MAX_CHARACTERS: usize = 500;
pub(super) const MAX_MEDIA: usize = 4;
pub(super) const MAX_DESCRIPTION: usize = 1_500;
pub(super) const MAX_IMAGE_BYTES: usize = 16 * 1024 * 1024;
pub(super) const MAX_OPTIONS: usize = 4;
pub(super) const MAX_OPTION_CHARACTERS: usize = 50;
pub(super) const POLL_SECONDS: std::ops::RangeInclusive<u64> = 300..=2_629_746;
const MEDIA_TYPES: [&str; 7] =
    ["image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4", "video/quicktime", "video/webm"];

pub(super) fn describe(base: &str) -> Value {
    let host = base.split('/').nth(2);
    json!({
        "domain": host, "title": "Simulated", "version": "4.5.0", "source_url": "https://github.com/mastodon/mastodon",
        "description": "", "usage": {"users": {"active_month": 1}}, "thumbnail": {"url": null}, "languages": ["en"],
        "configuration": {
            "urls": {"streaming": "", "status": null, "about": format!("{base}/about")},
            "vapid": {"public_key": ""},
            "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5},
            "statuses": {
                "max_characters": MAX_CHARACTERS, "max_media_attachments": MAX_MEDIA, "characters_reserved_per_url": 23,
            },
            "media_attachments": {
                "description_limit": MAX_DESCRIPTION, "supported_mime_types": MEDIA_TYPES,
                "image_size_limit": MAX_IMAGE_BYTES, "image_matrix_limit": 33_177_600,
                "video_size_limit": 99 * 1024 * 1024, "video_frame_rate_limit": 120, "video_matrix_limit": 8_294_400,
            },
            "polls": {
                "max_options": MAX_OPTIONS, "max_characters_per_option": MAX_OPTION_CHARACTERS,
                "min_expiration": POLL_SECONDS.start(), "max_expiration": POLL_SECONDS.end(),
            },
            "translation": {"enabled": false},
            "limited_federation": false,
        },
        "registrations": {"enabled": false, "approval_required": false, "message": null, "url": null},
        "api_versions": {"mastodon": 7}, "contact": {"email": "", "account": null}, "rules": [],
    })
}

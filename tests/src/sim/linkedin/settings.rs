//! What tests can change.

use std::time::Duration;

use serde_json::Value;

/// The settings.
pub(super) struct Settings {
    /// Whether the app may read what members post.
    pub(super) member_reads: bool,
    /// Whether it may read what pages post.
    pub(super) page_reads: bool,
    /// Whether the app is a partner's: it gets refresh tokens.
    pub(super) partner: bool,
    /// Whether a text that is there is refused.
    pub(super) refuses_duplicates: bool,
    /// Whether the refusal of a duplicate names the post that this very call would have made, and not the one that is there.
    pub(super) names_ghosts: bool,
    /// How long ago posts were made, by their numbers: what a test does not wait.
    pub(super) numbered_seconds_ago: u64,
    /// Whether addresses in texts come back as others, that lead there.
    pub(super) short_links: bool,
    /// Where uploads are sent, in the place of the server's own address.
    pub(super) upload_url: Option<String>,
    pub(super) processing: Duration,
    pub(super) processing_fails: bool,
    /// The bytes of a part of a video.
    pub(super) part_bytes: usize,
    /// The oldest version that is answered.
    pub(super) oldest_version: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            member_reads: false,
            page_reads: true,
            partner: true,
            refuses_duplicates: true,
            names_ghosts: false,
            numbered_seconds_ago: 0,
            short_links: false,
            upload_url: None,
            processing: Duration::ZERO,
            processing_fails: false,
            part_bytes: 4 * 1024 * 1024,
            oldest_version: "202511".to_owned(),
        }
    }
}

impl Settings {
    /// Changes one. Whether there is such a one.
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let flag = || value.as_bool().ok_or(format!("{name} must be true or false"));
        match name {
            "member_reads" => self.member_reads = flag()?,
            "page_reads" => self.page_reads = flag()?,
            "partner" => self.partner = flag()?,
            "refuses_duplicates" => self.refuses_duplicates = flag()?,
            "names_ghosts" => self.names_ghosts = flag()?,
            "short_links" => self.short_links = flag()?,
            "processing_fails" => self.processing_fails = flag()?,
            "upload_url" => self.upload_url = value.as_str().map(str::to_owned),
            "numbered_seconds_ago" => {
                self.numbered_seconds_ago = value.as_u64().ok_or("numbered_seconds_ago must be a number")?;
            }
            "processing_seconds" => {
                let seconds = value.as_f64().ok_or("processing_seconds must be a number")?;
                self.processing = Duration::from_secs_f64(seconds.clamp(0.0, 3_600.0));
            }
            "part_bytes" => {
                let bytes = value.as_u64().and_then(|bytes| usize::try_from(bytes).ok());
                self.part_bytes = bytes.filter(|bytes| *bytes > 0).ok_or("part_bytes must be a number")?;
            }
            "oldest_version" => {
                self.oldest_version = value.as_str().ok_or("oldest_version must be a text")?.to_owned();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

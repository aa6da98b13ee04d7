//! What each platform accepts and how a publish on it can be confirmed, as data.
//!
//! One constant per platform and one line in [`ALL`]. The extension validates against these figures before
//! it accepts a post; the sidecar's provider of the same name sends what they allow.

/// What the platform offers to find out whether an unclear publish happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconcile {
    /// A key chosen before the first try: sending it again can't publish twice, reading it tells.
    NativeKey,
    /// A handle that can be polled until it says published.
    Poll,
    /// The platform refuses a duplicate, which proves that the first try arrived.
    RejectsDuplicate,
    /// Only the account's recent posts can be read and compared.
    ReadBack,
    /// Nothing: a person has to look.
    Nothing,
}

/// What a platform accepts.
#[derive(Clone, Copy, Debug)]
pub struct Platform {
    /// The name in SQL, configuration and logs.
    pub name: &'static str,
    /// The most grapheme clusters a text may have.
    pub max_graphemes: usize,
    /// The most UTF-8 bytes a text may have.
    pub max_bytes: usize,
    /// The most images a post may carry.
    pub max_images: usize,
    /// The most bytes an image may have.
    pub max_image_bytes: usize,
    /// MIME types of images that are accepted.
    pub image_types: &'static [&'static str],
    /// How an unclear publish is settled.
    pub reconcile: Reconcile,
}

/// Bluesky and every other server of the AT Protocol.
pub const BLUESKY: Platform = Platform {
    name: "bluesky",
    max_graphemes: 300,
    max_bytes: 3_000,
    max_images: 4,
    max_image_bytes: 2_000_000,
    image_types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    reconcile: Reconcile::NativeKey,
};

/// Every platform this version can publish to.
pub const ALL: &[&Platform] = &[&BLUESKY];

/// The platform with this name.
pub fn find(name: &str) -> Option<&'static Platform> {
    ALL.iter().copied().find(|platform| platform.name == name)
}

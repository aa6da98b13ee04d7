//! What a provider is, and the words in which it is spoken to: accounts, posts, what is written down, what is found.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::media::{self, Attachment, MediaError};
use crier_core::platform::Platform;
use crier_core::refresh::Rotation;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

use super::charges::Charges;
use super::connect::Connect;
use super::failure::Failure;
#[cfg(test)]
use super::hostile;
use crate::secrets::Session;

/// An account on a platform.
#[derive(Debug, Clone)]
pub struct Account {
    /// The id in Crier.
    pub id: Uuid,
    /// The id on the platform.
    pub external_id: String,
    /// The name on the platform.
    pub handle: String,
    /// Where the account's server is.
    pub base_url: String,
    /// What the platform charges for what is done.
    pub charges: Charges,
}

/// An account that can act.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub account: Account,
    /// Its tokens.
    pub session: Session,
}

/// What a login gave.
#[derive(Debug)]
pub struct Login {
    /// The id on the platform.
    pub external_id: String,
    /// The name on the platform.
    pub handle: String,
    /// Where the account's server is; not always the one that was asked.
    pub base_url: String,
    /// The first tokens.
    pub session: Session,
}

/// When tokens were made and until when they are good, as far as they tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// When the access token was made.
    pub issued_at: Option<SystemTime>,
    /// When the access token ends.
    pub expires_at: Option<SystemTime>,
    /// When the refresh token ends.
    pub refresh_expires_at: Option<SystemTime>,
}

/// What is to be published.
#[derive(Debug, Clone)]
pub struct Post {
    /// The text.
    pub content: String,
    /// Images and videos, see `crier_core::media`.
    pub media: Value,
    /// What the application set for this platform.
    pub settings: Value,
    /// The number of this try; the first is 1.
    pub attempt: i32,
    /// What it answers: a post by its id or address, see `crier_core::platform`.
    pub reply_to: Option<String>,
}

impl Post {
    /// The images and videos, read.
    pub(super) fn attachments(&self) -> Result<Vec<Attachment>, Failure> {
        let invalid = |error: MediaError| Failure::new(ErrorClass::ContentInvalid, error.to_string());
        media::parse(&self.media).map_err(invalid)
    }
}

/// The key and the bytes that every try sends. They are made once and never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// The platform's key.
    pub key: String,
    /// The request.
    pub request: String,
}

/// What is looked for.
#[derive(Clone, Copy)]
pub struct Sought<'a> {
    /// What was sent.
    pub frozen: &'a Frozen,
    /// When it was written down, by the database's clock; none where that is not known.
    pub drafted: Option<Instant>,
    /// Whose posts the others of the account are.
    pub others: &'a dyn Others,
}

/// The other posts that Crier publishes for an account. Where a platform has no key that tells posts apart, two that read the
/// same can only be told by what is known of the other one.
#[async_trait]
pub trait Others: Send + Sync {
    /// Those among these posts, by their ids on the platform, that are another one's. Asked about posts that would be taken
    /// for the one that is looked for, and about no others.
    async fn have(&self, external_ids: Vec<String>) -> Result<HashSet<String>, Failure>;

    /// The same of any number of posts: about none, nobody is asked.
    async fn taken(&self, external_ids: Vec<String>) -> Result<HashSet<String>, Failure> {
        if external_ids.is_empty() { Ok(HashSet::new()) } else { self.have(external_ids).await }
    }
}

/// Who knows of no other post. Whoever sends doesn't ask: whose a post is the database judges once more when it is told.
pub(crate) struct NoOthers;

#[async_trait]
impl Others for NoOthers {
    async fn have(&self, _: Vec<String>) -> Result<HashSet<String>, Failure> {
        Ok(HashSet::new())
    }
}

/// A post that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The post's id on the platform.
    pub external_id: String,
    /// Where people see it.
    pub url: String,
    /// The hash of its content, where the platform states one.
    pub cid: Option<String>,
}

/// What a look at the platform showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The post is there.
    Same(Published),
    /// Something else has its key.
    Other,
    /// It is not there. That proves something once `settles` has passed since the last send.
    Absent,
    /// The platform is still at it.
    Pending,
}

/// Something an account does besides publishing. A `key` is the action's own, in the form of a UUIDv7 and the same at every
/// try: where the platform takes one, what is sent twice is done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Takes a post back; one that is gone already is taken back too.
    Delete {
        /// The post's id on the platform.
        post: String,
    },
    /// Likes a post.
    Like {
        /// The post's id on the platform.
        post: String,
        /// The action's key.
        key: Uuid,
    },
    /// Follows an account.
    Follow {
        /// The account's name or id on the platform.
        account: String,
        /// The action's key.
        key: Uuid,
    },
    /// Writes to an account in private.
    DirectMessage {
        /// The account's name or id on the platform.
        account: String,
        /// The message.
        text: String,
        /// The action's key.
        key: Uuid,
    },
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// The id of what was made, where something was.
    pub external_id: Option<String>,
    /// Where people see it.
    pub url: Option<String>,
}

/// How a post does, as far as the platform tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// How often it was seen.
    pub views: Option<u64>,
    /// How often it was liked.
    pub likes: Option<u64>,
    /// How often it was answered.
    pub replies: Option<u64>,
    /// How often it was passed on.
    pub shares: Option<u64>,
}

/// A platform's client. The registry wraps each in `Redacting`, which has to pass on every method, also one with a default.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name and what it accepts.
    fn platform(&self) -> &'static Platform;

    /// The server that is meant where none is named; none where every account is on a server of its own.
    fn default_base_url(&self) -> Option<&'static str>;

    /// The servers that all its accounts are on; none where every server is a platform of its own.
    fn servers(&self) -> Vec<&str> {
        Vec::new()
    }

    /// What an account's owner makes for Crier, in a word for a prompt.
    fn secret(&self) -> &'static str {
        "access token"
    }

    /// What of that must be shown to nobody: all of it, and its parts. Where an id stands in it that names the account, only the
    /// rest.
    fn hidden(&self, password: &SecretString) -> Vec<SecretString> {
        let parts = password.expose_secret().split(':').map(SecretString::from);
        std::iter::once(password.clone()).chain(parts).collect()
    }

    /// Opens a session with a name and what the account's owner made for Crier: an app password, or an access token. Where
    /// tokens end, `access token:refresh token`.
    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure>;

    /// When tokens end.
    fn lifetime(&self, session: &Session) -> Lifetime;

    /// What becomes of the session's refresh token once it was used, where not all sessions of the platform are alike.
    fn rotation(&self, _session: &Session) -> Rotation {
        self.platform().rotation
    }

    /// Buys new tokens. Once this was called it must not be dropped: the old refresh token may be used up. Whatever is not a
    /// clear answer is `outcome_unknown`.
    async fn refresh(&self, caller: &Caller) -> Result<Session, Failure>;

    /// Does the next piece of preparation and returns everything prepared so far; `None` when all is done.
    /// Nothing it does is visible to anyone, and every piece may be done twice.
    async fn prepare(&self, caller: &Caller, post: &Post, prepared: &Value)
    -> Result<Option<Value>, Failure>;

    /// Writes down what is to be sent, with a new key and the present time.
    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure>;

    /// Publishes what was written down, and nothing else. Whatever is not a clear answer is `outcome_unknown`. Of the post it takes
    /// only the files, where the call that publishes carries them, and only those that were written down.
    async fn commit(&self, caller: &Caller, post: &Post, frozen: &Frozen) -> Result<Published, Failure>;

    /// How long after a send of it a post may be there and not be found, where that is not the same of all the platform's posts.
    fn settles(&self, _frozen: &Frozen) -> Duration {
        self.platform().settles
    }

    /// Looks whether it was published. Without a session where there is none, or none is needed.
    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure>;

    /// Whether that needs no session: then an account that lost its grant can still be asked.
    fn looks_in_public(&self) -> bool {
        false
    }

    /// Whether something belongs to a post that can only be done once it is there.
    fn completes(&self, _post: &Post) -> bool {
        false
    }

    /// Does that. It may be done twice, and whatever comes of it, the post is published.
    async fn complete(&self, _caller: &Caller, _post: &Post, _published: &Published) -> Result<(), Failure> {
        Ok(())
    }

    /// Does something else. `post` and `account` are what the platform calls them. Whatever is no message may be done twice
    /// and is done once; of a message, whatever is not a clear answer is `outcome_unknown`.
    async fn act(&self, _caller: &Caller, act: &Act) -> Result<Done, Failure> {
        Err(Failure::unsupported(self.platform().name, act))
    }

    /// How a post does.
    async fn metrics(&self, _caller: &Caller, _post: &str) -> Result<Metrics, Failure> {
        let message = format!("{} tells nothing about a post", self.platform().name);
        Err(Failure::new(ErrorClass::Unsupported, message))
    }

    /// A post as it can have one, for tests that ask every platform the same.
    #[cfg(test)]
    fn sample(&self) -> hostile::Sample {
        hostile::Sample::text()
    }

    /// Its part of connecting accounts by OAuth, where it has one.
    fn connect(&self) -> Option<&dyn Connect> {
        None
    }

    /// Whether the server answers, for `crierd doctor`.
    async fn reach(&self, base_url: &str) -> Result<(), Failure>;
}

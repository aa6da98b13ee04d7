//! The posts of a platform: written into the ledger once for each time one became visible, and read back when they can be.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::sim::ledger::{Entry, Image, Ledger, rfc3339};
use crate::sim::{Piece, Visible};

/// A post that was published.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its id.
    pub id: String,
    /// The account's id.
    pub account: String,
    /// The account's name.
    pub handle: String,
    /// Its text, as it was sent: what tests look for.
    pub text: String,
    /// Its address.
    pub uri: String,
    /// What it answers.
    pub reply_to: Option<String>,
    /// Its images.
    pub images: Vec<Image>,
    /// Whatever else the platform keeps of it.
    pub more: Value,
    /// When it was made.
    pub at: SystemTime,
    /// From when on it can be read.
    visible: SystemTime,
}

/// A post that is to be published.
#[derive(Clone, Debug, Default)]
pub struct NewPost {
    /// Its id.
    pub id: String,
    /// The account's id.
    pub account: String,
    /// The account's name.
    pub handle: String,
    /// The key it was published under, where there is one.
    pub key: String,
    /// Its text, as it was sent.
    pub text: String,
    /// Its address.
    pub uri: String,
    /// What it answers.
    pub reply_to: Option<String>,
    /// Its images.
    pub images: Vec<Image>,
    /// Whatever else the platform keeps of it.
    pub more: Value,
}

/// The posts, oldest first.
pub struct Shelf {
    platform: &'static str,
    ledger: Arc<Ledger>,
    posts: Vec<Post>,
    delay: Duration,
    last: u64,
}

impl Shelf {
    pub(super) fn new(platform: &'static str, ledger: Arc<Ledger>) -> Self {
        Self { platform, ledger, posts: Vec::new(), delay: Duration::ZERO, last: 0 }
    }

    /// A number that no other call has given: for ids.
    pub fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Makes a post visible.
    pub fn publish(&mut self, new: NewPost) -> Post {
        let NewPost { id, account, handle, key, text, uri, reply_to, images, more } = new;
        let at = SystemTime::now();
        self.ledger.append(Entry {
            platform: self.platform,
            account: handle.clone(),
            key,
            text: text.clone(),
            images: images.clone(),
            at: rfc3339(at),
            uri: uri.clone(),
            reply_to: reply_to.clone(),
        });
        let post =
            Post { id, account, handle, text, uri, reply_to, images, more, at, visible: at + self.delay };
        self.posts.push(post.clone());
        post
    }

    /// A post, whether it can be read yet or not: for what acts on it.
    pub fn find(&self, id: &str) -> Option<&Post> {
        self.posts.iter().find(|post| post.id == id)
    }

    /// The same, to change it.
    pub fn find_mut(&mut self, id: &str) -> Option<&mut Post> {
        self.posts.iter_mut().find(|post| post.id == id)
    }

    /// All posts, whether they can be read yet or not.
    pub fn all(&self) -> impl Iterator<Item = &Post> {
        self.posts.iter()
    }

    /// A post that can be read.
    pub fn read(&self, id: &str) -> Option<&Post> {
        self.find(id).filter(|post| post.visible <= SystemTime::now())
    }

    /// The posts that can be read, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Post> {
        let now = SystemTime::now();
        self.posts.iter().rev().filter(move |post| post.visible <= now)
    }

    /// Takes a post away. Whether it was there.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.posts.len();
        self.posts.retain(|post| post.id != id);
        self.posts.len() < before
    }

    pub(super) fn publish_later(&mut self, delay: Duration) {
        self.delay = delay;
    }

    pub(super) fn show_all(&mut self) {
        self.delay = Duration::ZERO;
        for post in &mut self.posts {
            post.visible = post.visible.min(SystemTime::now());
        }
    }

    pub(super) fn unread(&self) -> usize {
        let now = SystemTime::now();
        self.posts.iter().filter(|post| post.visible > now).count()
    }

    pub(super) fn timeline(&self) -> Vec<Visible> {
        let visible = |post: &Post| Visible {
            platform: self.platform,
            handle: post.handle.clone(),
            at: rfc3339(post.at),
            uri: post.uri.clone(),
            text: vec![Piece { text: post.text.clone(), link: None }],
            images: vec![],
            reply_to: post.reply_to.clone(),
        };
        self.posts.iter().map(visible).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_later_is_in_the_ledger_at_once() {
        let ledger = Arc::new(Ledger::default());
        let mut shelf = Shelf::new("x", Arc::clone(&ledger));
        shelf.publish_later(Duration::from_secs(60));
        let post = NewPost { id: "1".into(), text: "hi".into(), ..NewPost::default() };
        shelf.publish(post.clone());
        assert_eq!((ledger.len(), shelf.unread(), shelf.newest().count()), (1, 1, 0));
        assert!(shelf.find("1").is_some() && shelf.read("1").is_none());
        shelf.publish_later(Duration::ZERO);
        shelf.publish(NewPost { id: "2".into(), ..post });
        assert_eq!((ledger.len(), shelf.newest().count()), (2, 1));
        assert!(shelf.remove("2") && !shelf.remove("2"));
        // what was published stays written down
        assert_eq!((ledger.len(), shelf.timeline().len()), (2, 1));
        shelf.show_all();
        assert_eq!((shelf.unread(), shelf.newest().count()), (0, 1));
    }
}

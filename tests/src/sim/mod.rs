//! The platform simulator: servers that behave like the real ones, a ledger of everything that became visible,
//! faults on demand, and a page that shows the timeline.
//!
//! A platform is one file and one line in `REGISTRY`.

pub mod bluesky;
mod consent;
mod control;
pub mod devto;
pub mod discord;
pub mod facebook;
pub mod fault;
mod form;
mod graph;
pub mod instagram;
pub mod kit;
pub mod ledger;
pub mod lemmy;
pub mod linkedin;
pub mod mastodon;
pub mod misskey;
pub mod nostr;
mod page;
pub mod pinterest;
pub mod reddit;
mod rights;
pub mod slack;
pub mod telegram;
pub mod threads;
pub mod tiktok;
mod websocket;
pub mod wordpress;
mod world;
pub mod x;
pub mod youtube;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::serve::{self, Server};
use fault::{Fault, Rule};
use ledger::{Entry, Ledger};
use world::World;

/// What a simulated platform can do. Its paths begin with its name: `/bluesky/…`.
pub trait Platform: Send + Sync {
    /// The name in the ledger, in faults and in SQL.
    fn name(&self) -> &'static str;
    /// The name of the call that a method and a path (without the platform's name) make: what faults and the call log
    /// name.
    fn call<'a>(&self, method: &Method, path: &'a str) -> &'a str;
    /// Answers a call.
    fn handle(&self, path: &str, request: &Request<Bytes>) -> Response<Bytes>;
    /// The answer that refuses a call without looking at it, in the platform's own shape.
    fn refusal(&self, refusal: Refusal) -> Response<Bytes>;
    /// Adds an account and gives its id on the platform.
    fn add_account(&self, handle: &str, password: &str) -> Result<String, String>;
    /// Ends every session of an account, as its owner does by removing the app password.
    fn revoke(&self, handle: &str);
    /// Lets the access tokens of an account expire before their time; it can still be refreshed.
    fn expire(&self, handle: &str);
    /// From now on a refresh token that comes a second time ends its account's sessions.
    fn be_strict(&self);
    /// What is published from now on can be read only so much later: read-backs and lists miss it, though a second try
    /// under the same key still meets it. The ledger has it at once. Zero ends that. By default reads are of the truth.
    fn publish_later(&self, _delay: Duration) {}
    /// Ends that, also for what is published already: from now on all of it can be read.
    fn show_all(&self) {}
    /// How many published things can't be read yet.
    fn unread(&self) -> usize {
        0
    }
    /// Changes settings that only this platform has and gives all of them.
    fn set(&self, _changes: &Value) -> Result<Value, String> {
        Err(format!("{} has no settings", self.name()))
    }
    /// What only this platform counts.
    fn figures(&self) -> Value {
        json!({})
    }
    /// What is visible now.
    fn timeline(&self) -> Vec<Visible>;
    /// Every token it has issued, for tests that look for leaks.
    fn issued_tokens(&self) -> Vec<String>;
    /// Where an app sends people and gets its tokens, of a platform that has one such login and nothing else about it.
    fn login_pages(&self) -> Option<LoginPages> {
        None
    }
}

/// The paths of a login by the code flow (RFC 6749), without the platform's name.
#[derive(Clone, Copy, Debug)]
pub struct LoginPages {
    /// The page on which people are asked.
    pub authorize: &'static str,
    /// The token endpoint.
    pub token: &'static str,
}

/// Makes a platform that writes into the ledger.
type Make = fn(Arc<Ledger>) -> Arc<dyn Platform>;

/// Every platform that is simulated.
const REGISTRY: &[Make] = &[
    |ledger| Arc::new(bluesky::Bluesky::new(ledger)),
    |ledger| Arc::new(kit::On::<discord::Discord>::new(ledger)),
    |ledger| Arc::new(instagram::Instagram::new(ledger)),
    |ledger| Arc::new(kit::On::<linkedin::LinkedIn>::new(ledger)),
    |ledger| Arc::new(mastodon::Mastodon::new(ledger)),
    |ledger| Arc::new(kit::On::<misskey::Misskey>::new(ledger)),
    |ledger| Arc::new(kit::On::<pinterest::Pinterest>::new(ledger)),
    |ledger| Arc::new(kit::On::<telegram::Telegram>::new(ledger)),
    |ledger| Arc::new(kit::On::<slack::Slack>::new(ledger)),
    |ledger| Arc::new(kit::On::<devto::DevTo>::new(ledger)),
    |ledger| Arc::new(kit::On::<lemmy::Lemmy>::new(ledger)),
    |ledger| Arc::new(kit::On::<reddit::Reddit>::new(ledger)),
    |ledger| Arc::new(kit::On::<wordpress::WordPress>::new(ledger)),
    |ledger| Arc::new(kit::On::<nostr::Nostr>::new(ledger)),
    |ledger| Arc::new(x::X::new(ledger)),
    |ledger| Arc::new(kit::On::<youtube::YouTube>::new(ledger)),
    |ledger| Arc::new(kit::On::<facebook::Facebook>::new(ledger)),
    |ledger| Arc::new(kit::On::<threads::Threads>::new(ledger)),
    |ledger| Arc::new(kit::On::<tiktok::TikTok>::new(ledger)),
];

/// What an answer carries as an extension, in an `Arc`, where the platform has to know whether it is out: when it is,
/// this is gone.
#[derive(Debug)]
struct OnItsWay;

/// Why a call is refused by a fault.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// Too many calls; the limit ends after this time.
    RateLimited(Duration),
    /// The access token is not accepted.
    Unauthorized,
    /// The access token has expired.
    ExpiredToken,
    /// The server failed.
    ServerError,
    /// The access token has expired, but what goes with that has the wrong type.
    Odd,
    /// Refused with a NUL in the text.
    Nul,
    /// A success whose body says that the server failed.
    InSuccess,
}

/// A post as the page shows it.
#[derive(Debug)]
pub struct Visible {
    /// The platform's name.
    pub platform: &'static str,
    /// The author's handle.
    pub handle: String,
    /// When it appeared, RFC 3339.
    pub at: String,
    /// Its address on the platform.
    pub uri: String,
    /// The text in pieces, some with a link.
    pub text: Vec<Piece>,
    /// Its images.
    pub images: Vec<VisibleImage>,
    /// The address of what it answers.
    pub reply_to: Option<String>,
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// The characters.
    pub text: String,
    /// Where it leads.
    pub link: Option<String>,
}

/// An image on the page.
#[derive(Debug)]
pub struct VisibleImage {
    /// Where the page gets it.
    pub src: String,
    /// What it shows.
    pub alt: String,
    /// Width and height, as the post states them.
    pub aspect_ratio: Option<(u64, u64)>,
}

/// The simulator, served on a thread of its own until dropped.
#[derive(Debug)]
pub struct Sim {
    world: Arc<World>,
    server: Server,
}

impl Sim {
    /// Starts it on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub fn start() -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)))
            .unwrap_or_else(|error| panic!("can't start the simulator: {error}"))
    }

    /// Starts it on an address.
    pub fn listen(address: SocketAddr) -> std::io::Result<Self> {
        let world = Arc::new(World::new());
        let server = Server::start(address, Arc::clone(&world))?;
        Ok(Self { world, server })
    }

    /// Its address: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The names of the simulated platforms.
    pub fn platforms(&self) -> Vec<&'static str> {
        self.world.platforms.iter().map(|platform| platform.name()).collect()
    }

    /// A simulated platform, for what tests do to one.
    ///
    /// # Panics
    /// When there is none of this name.
    pub fn platform(&self, name: &str) -> &dyn Platform {
        self.world.platform(name).unwrap_or_else(|| panic!("no platform {name:?}")).as_ref()
    }

    /// The address of a simulated platform.
    pub fn url_of(&self, platform: &str) -> String {
        format!("{}/{platform}", self.url())
    }

    /// Adds an account on a platform and gives its id there.
    ///
    /// # Panics
    /// When there is no such platform, or the handle is taken.
    pub fn add_account(&self, platform: &str, handle: &str, secret: &str) -> String {
        self.platform(platform).add_account(handle, secret).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The address of the simulated Bluesky server.
    pub fn bluesky_url(&self) -> String {
        self.url_of(bluesky::NAME)
    }

    /// Adds a Bluesky account and gives its DID.
    ///
    /// # Panics
    /// When the handle is taken.
    pub fn add_bluesky_account(&self, handle: &str, password: &str) -> String {
        self.add_account(bluesky::NAME, handle, password)
    }

    /// Ends every session of an account on Bluesky.
    pub fn revoke(&self, handle: &str) {
        self.platform(bluesky::NAME).revoke(handle);
    }

    /// Lets the access tokens of an account on Bluesky expire now.
    pub fn expire(&self, handle: &str) {
        self.platform(bluesky::NAME).expire(handle);
    }

    /// From now on a refresh token that comes a second time ends its account's sessions. Bluesky itself is
    /// milder, but other platforms are not.
    pub fn be_strict(&self) {
        self.world.platforms.iter().for_each(|platform| platform.be_strict());
    }

    /// Everything that became visible, oldest first.
    pub fn ledger(&self) -> Vec<Entry> {
        self.world.ledger.entries()
    }

    /// How much became visible.
    pub fn published(&self) -> usize {
        self.world.ledger.len()
    }

    /// What became visible with this text, oldest first.
    pub fn visible(&self, text: &str) -> Vec<Entry> {
        self.ledger().into_iter().filter(|entry| entry.text == text).collect()
    }

    /// Plans a fault for the next calls of a name on Bluesky.
    pub fn fault(&self, call: &str, fault: Fault) {
        self.plan(Rule::once(bluesky::NAME, call, fault));
    }

    /// Plans a fault.
    pub fn plan(&self, rule: Rule) {
        self.world.faults.plan(rule);
    }

    /// How many planned faults have not happened yet.
    pub fn faults_left(&self) -> usize {
        self.world.faults.left()
    }

    /// Takes back what was planned and has not happened.
    pub fn forget_faults(&self) {
        self.world.faults.forget();
    }

    /// Lets held answers go.
    pub fn release(&self) {
        self.world.gate.release();
    }

    /// How many answers are held back now.
    pub fn held(&self) -> usize {
        self.world.gate.held()
    }

    /// How much of what was published can't be read yet, on all platforms.
    pub fn unread(&self) -> usize {
        self.world.platforms.iter().map(|platform| platform.unread()).sum()
    }

    /// How many calls of a name have arrived.
    pub fn calls(&self, call: &str) -> usize {
        self.world.calls().iter().filter(|(_, made)| made == call).count()
    }

    /// The names of the calls that have arrived, oldest first.
    pub fn call_names(&self) -> Vec<String> {
        self.world.calls().into_iter().map(|(_, call)| call).collect()
    }

    /// Every token that was issued.
    pub fn issued_tokens(&self) -> Vec<String> {
        self.world.platforms.iter().flat_map(|platform| platform.issued_tokens()).collect()
    }
}

fn bad_request(message: &str) -> Response<Bytes> {
    serve::json(StatusCode::BAD_REQUEST, &json!({"error": "BadRequest", "message": message}))
}

//! Orders of faults: a post is published through a flow of calls while things go wrong at them, and what is on the platform
//! then is compared with what Crier says.
//!
//! The flow of a platform is read from a run without faults. Each order begins with a new post and the same account.

mod chosen;

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::backdoor;
use crate::call_proxy::{CallProxy, Side};
use crate::cluster::{Database, SIDECAR_ROLE};
use crate::crierd::Crierd;
use crate::sim::Sim;
use crate::sim::fault::{Fault, Rule};
use crate::stage::{Stage, is_final};
use crate::wait::{SOON, wait_for, wait_until};

pub use chosen::{behind, database_kills, pairs, singles};

/// How long what is published late can't be read.
const LATE: Duration = Duration::from_millis(80);
/// How long an order may take. The right to refresh a token that a killed sidecar had lasts a minute.
const ORDER: Duration = SOON.saturating_mul(3);
/// What can go wrong with a call. A hold is a kill or a loss of the database, see [`Order`].
pub const FAULTS: [Fault; 11] = [
    Fault::DropBeforeCommit,
    Fault::DropAfterCommit,
    Fault::Delay,
    Fault::RateLimited,
    Fault::Unauthorized,
    Fault::ExpiredToken,
    Fault::ServerError,
    Fault::ServerErrorAfterCommit,
    Fault::Garbage,
    Fault::ErrorInSuccess,
    Fault::VisibleLater,
];

/// How a platform is published on.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// The platform.
    pub platform: &'static str,
    /// The account's name there.
    pub handle: &'static str,
    /// What the account is connected with; `SERVER` in it is the address of the simulated platform.
    pub secret: &'static str,
    /// Media of the post.
    pub media: fn() -> Value,
    /// The call that publishes.
    pub commit: &'static str,
    /// Settings of the simulated platform: what it allows a day must not end the run.
    pub settings: Option<fn() -> Value>,
    /// Variables that `crierd` needs; `SERVER` in one is the address of the simulated platform.
    pub variables: &'static [(&'static str, &'static str)],
    /// Settings of the posts for the platform.
    pub post_settings: fn() -> Value,
    /// Whether nobody can find out there what became of a send: then a person is asked.
    pub asks: bool,
    /// Whether what is published shows no text: then all that is new is counted.
    pub says_nothing: bool,
    /// Minutes after which a look settles what was sent. So many pass at once: looks that come before are tries, and use them up.
    pub settles: i32,
    /// How many of the kills at calls of the database a publish comes to at least. Where no token is renewed there are fewer calls.
    pub kills: usize,
}

impl Course {
    /// A text by an account called alice: what others are written as changes of.
    pub const PLAIN: Self = Self {
        platform: "",
        handle: "alice",
        secret: "a-pasted-token",
        media: || json!([]),
        commit: "",
        settings: None,
        variables: &[],
        post_settings: || json!({}),
        asks: false,
        says_nothing: false,
        settles: 5,
        kills: 20,
    };

    /// What the account is connected with on this simulator.
    pub(crate) fn secret_on(&self, sim: &Sim) -> String {
        self.secret.replace("SERVER", &sim.url_of(self.platform))
    }
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A fault of the next call of a name.
    Call(String, Fault),
    /// The sidecar is killed when the platform has carried a call out, before it has the answer.
    Kill(String),
    /// Every connection to the database is cut then.
    CutDatabase(String),
    /// The sidecar is killed at a call of a function of the database, the first or a later one, before the database has the call,
    /// or after it has committed it.
    KillAt(&'static str, usize, Side),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call, fault) => write!(f, "{fault:?} at {call}"),
            Self::Kill(call) => write!(f, "kill at {call}"),
            Self::CutDatabase(call) => write!(f, "no database at {call}"),
            Self::KillAt(function, nth, Side::Before) => write!(f, "kill before {function} {nth}"),
            Self::KillAt(function, nth, Side::After) => write!(f, "kill after {function} {nth}"),
        }
    }
}

/// What came of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// One post, and Crier says so.
    Exact,
    /// Refused in so many words, and none.
    Refused,
    /// Crier asks a person; one post at most.
    Unconfirmed,
    /// Crier says something else than what is there: none, or one that it takes for none.
    Lost,
    /// More than one.
    Doubled,
}

/// How many orders came out how.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Each order that was run, with what came of it.
    pub orders: Vec<(Vec<Trouble>, Outcome)>,
}

impl Matrix {
    /// How many came out so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.orders.iter().filter(|(_, came)| *came == outcome).count()
    }

    /// Those that must not be.
    pub fn wrong(&self) -> Vec<&(Vec<Trouble>, Outcome)> {
        self.orders.iter().filter(|(_, came)| matches!(came, Outcome::Lost | Outcome::Doubled)).collect()
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [exact, refused, unconfirmed, lost, doubled] =
            [Outcome::Exact, Outcome::Refused, Outcome::Unconfirmed, Outcome::Lost, Outcome::Doubled]
                .map(|outcome| self.count(outcome));
        write!(
            f,
            "{} orders run: {exact} exact, {refused} refused, {unconfirmed} unconfirmed, {lost} lost, {doubled} doubled",
            self.orders.len()
        )
    }
}

/// A platform with an account and a sidecar, on which orders are run one after the other.
pub struct Runner {
    course: Course,
    sim: Sim,
    proxy: CallProxy,
    stage: Stage,
    crierd: Option<Crierd>,
    posts: usize,
    kills: usize,
}

impl Runner {
    /// Connects the account and starts the sidecar.
    pub async fn start(course: Course) -> Self {
        let sim = Sim::start();
        let Course { platform, handle, .. } = course;
        let secret = course.ready(&sim);
        let database = Database::shared().await;
        let proxy = CallProxy::start(database.server().port());
        let (url, server) = (database.url_through(SIDECAR_ROLE, proxy.port()), sim.url_of(platform));
        let stage = Stage::connected_by(platform, database, &url, handle, &server, &secret).await;
        // an order is to show what a try does, not how long a breaker waits
        stage.at_once().await;
        let crierd = Some(course.start(&sim, &stage).await);
        Self { course, sim, proxy, stage, crierd, posts: 0, kills: 0 }
    }

    /// The names of the calls of one publish without faults, each once, in their order.
    pub async fn flow(&mut self) -> Vec<String> {
        let before = self.sim.call_names().len();
        let outcome = self.run(&[]).await;
        assert_eq!(outcome, Outcome::Exact, "without faults");
        let mut flow = Vec::new();
        for call in self.sim.call_names().split_off(before) {
            if !flow.contains(&call) {
                flow.push(call);
            }
        }
        flow
    }

    /// How often the sidecar was killed at a call of the database.
    pub fn kills(&self) -> usize {
        self.kills
    }

    /// Publishes a post while these things go wrong, and waits for its end.
    pub async fn run(&mut self, troubles: &[Trouble]) -> Outcome {
        self.posts += 1;
        backdoor::lapse_refreshes(&self.stage.sql).await;
        let text = format!("order {} of {}", self.posts, self.course.platform);
        for trouble in troubles {
            let (call, fault) = match trouble {
                Trouble::Call(call, fault) => (call, *fault),
                Trouble::Kill(call) | Trouble::CutDatabase(call) => (call, Fault::HoldAfterCommit),
                Trouble::KillAt(function, nth, side) => {
                    self.proxy.plan(function, *nth, *side);
                    continue;
                }
            };
            let seconds = if fault == Fault::Delay { 0.05 } else { LATE.as_secs_f64() };
            self.sim.plan(Rule::once(self.course.platform, call, fault).seconds(seconds));
        }
        let before = self.sim.ledger().len();
        let (media, settings) = ((self.course.media)(), (self.course.post_settings)());
        let post = self.stage.post_as(&text, &media, &json!({ (self.course.platform): settings })).await;
        for trouble in troubles {
            self.interfere(trouble, post).await;
        }
        let target = self.ended(post, troubles).await;
        self.sim.forget_faults();
        self.proxy.forget();
        self.sim.release();
        let there = match self.course.says_nothing {
            true => self.sim.ledger().len() - before,
            false => self.sim.visible(&text).len(),
        };
        judge(target["state"].as_str().unwrap_or_default(), there)
    }

    /// Does what is more than a fault of a call, once the call is carried out. A flow that does not come to it goes on.
    async fn interfere(&mut self, trouble: &Trouble, post: Uuid) {
        if matches!(trouble, Trouble::Call(..)) {
            return;
        }
        let held = wait_for(&format!("a call to be held, or the end: {trouble}"), ORDER, async || {
            if self.sim.held() > 0 || self.proxy.held() > 0 {
                return Ok(true);
            }
            self.hasten().await;
            let target = self.stage.target(post).await;
            if is_final(&target) { Ok(false) } else { Err(target) }
        })
        .await;
        if !held {
            return;
        }
        match trouble {
            Trouble::Kill(_) | Trouble::KillAt(..) => {
                // counted first: whoever is killed closes the connection that is held
                self.kills += usize::from(self.proxy.held() > 0);
                if let Some(crierd) = self.crierd.take() {
                    crierd.kill();
                }
                self.sim.release();
                self.proxy.cut();
                self.alone().await;
                backdoor::lapse_leases(&self.stage.sql).await;
                backdoor::lapse_refreshes(&self.stage.sql).await;
                self.crierd = Some(self.course.start(&self.sim, &self.stage).await);
            }
            Trouble::CutDatabase(_) => {
                const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
                self.stage.sql.text(CUT).await;
                self.sim.release();
            }
            Trouble::Call(..) => {}
        }
    }

    /// Waits until nothing more happens to the target by itself. Retries that wait are made due, blocks end, and sends settle,
    /// but not before what is published late can be read; an account that lost its grant is connected again.
    async fn ended(&mut self, post: Uuid, troubles: &[Trouble]) -> Value {
        let order: Vec<_> = troubles.iter().map(ToString::to_string).collect();
        wait_for(&format!("the target to come to an end: {}", order.join(", then ")), ORDER, async || {
            let target = self.stage.target(post).await;
            if is_final(&target) {
                return Ok(target);
            }
            self.hasten().await;
            let job = "SELECT state, attempt, run_at - now(), lease_expires_at - now() FROM crier.jobs WHERE finished_at IS NULL";
            Err((target, self.stage.sql.text(job).await))
        })
        .await
    }

    /// Waits until the sidecar that was killed is gone from the database too: what it had under way there may still change leases.
    async fn alone(&self) {
        let rest = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = '{SIDECAR_ROLE}'"
        );
        let connections = async || self.stage.sql.text(&rest).await;
        wait_until("the connections of the killed sidecar", "0".to_owned(), connections).await;
    }

    async fn hasten(&self) {
        let Course { platform, handle, .. } = self.course;
        const LOST: &str =
            "SELECT count(*) FROM crier.social_account WHERE id = $1 AND status = 'reauth_required'";
        if self.stage.sql.value::<i64>(LOST, &[&self.stage.account]).await > 0 {
            // what is planned is for the sidecar, not for the program that connects the account
            self.proxy.forget();
            let (stage, server) = (&self.stage, self.sim.url_of(platform));
            let secret = self.course.secret_on(&self.sim);
            // what still goes wrong with the platform goes wrong here too, and whoever connects tries again
            wait_for("the account to be connected again", ORDER, async || {
                let tried = &stage.deployment;
                let tried = tried.try_add_account_on(platform, stage.workspace, handle, &server, &secret);
                if tried.status.success() { Ok(()) } else { Err(tried) }
            })
            .await;
        }
        // a limit holds the whole account for as long as the platform said
        self.stage.sql.text(&format!("SELECT crier.unblock_account('{}')", self.stage.account)).await;
        // time that is made to pass must not overtake what is published late
        wait_until("what can't be read yet", 0, async || self.sim.unread()).await;
        backdoor::age_intents_by(&self.stage.sql, self.course.settles).await;
        backdoor::make_retries_due(&self.stage.sql).await;
    }
}

fn judge(state: &str, there: usize) -> Outcome {
    match (state, there) {
        (_, 2..) => Outcome::Doubled,
        ("published", 1) => Outcome::Exact,
        ("unconfirmed", _) => Outcome::Unconfirmed,
        ("failed", 0) => Outcome::Refused,
        _ => Outcome::Lost,
    }
}

/// One video, different each time.
pub fn film() -> Value {
    json!([{"url": crate::images::data_url("video/mp4", &crate::images::film()), "alt": "moves"}])
}

/// One image.
pub fn picture() -> Value {
    json!([{"url": crate::images::data_url("image/png", &crate::images::png(4, 3, [200, 40, 40])), "alt": "four by three"}])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_post_that_is_known_is_exact_and_everything_else_is_told_apart() {
        for (state, there, outcome) in [
            ("published", 1, Outcome::Exact),
            ("published", 0, Outcome::Lost),
            ("published", 2, Outcome::Doubled),
            ("failed", 0, Outcome::Refused),
            ("failed", 1, Outcome::Lost),
            ("unconfirmed", 0, Outcome::Unconfirmed),
            ("unconfirmed", 1, Outcome::Unconfirmed),
            ("unconfirmed", 2, Outcome::Doubled),
        ] {
            assert_eq!(judge(state, there), outcome, "{state} with {there}");
        }
    }
}

//! What an operator tells the loop, and how it stands.

use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};

use super::batch::Summary;

/// Orders that wait. Who gives one waits for its answer.
const WAITING: usize = 8;

/// How the loop stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    /// Whether it takes jobs by itself.
    pub(crate) claiming: bool,
    /// Whether a batch is under way.
    pub(crate) batch: bool,
    pub(crate) running: usize,
    /// How many may run at a time.
    pub(crate) concurrency: usize,
}

/// An order, with the place for its answer.
pub(super) enum Order {
    /// To take jobs by itself, or not.
    Claim(bool, oneshot::Sender<()>),
    /// To take up to so many and say what came of them.
    Batch(usize, oneshot::Sender<Result<Summary, Refused>>),
}

/// Why an order has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("a batch is under way already; wait for its answer")]
    Busy,
    #[error("the database could not be asked for jobs; the log of crierd has the reason")]
    NoDatabase,
    #[error("crierd is ending")]
    Ending,
}

/// By which orders are given.
#[derive(Clone)]
pub(crate) struct Control {
    orders: mpsc::Sender<Order>,
    standing: watch::Receiver<Standing>,
}

/// The loop's end of it.
pub(crate) struct Orders {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) standing: watch::Sender<Standing>,
}

/// The two ends.
pub(crate) fn control() -> (Control, Orders) {
    let (give, take) = mpsc::channel(WAITING);
    let (tell, hear) = watch::channel(Standing::default());
    (Control { orders: give, standing: hear }, Orders { orders: take, standing: tell })
}

impl Control {
    pub(crate) fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// Has the loop take jobs by itself, or not; what runs goes on.
    pub(crate) async fn claim(&self, claims: bool) -> Result<(), Refused> {
        self.give(|answer| Order::Claim(claims, answer)).await
    }

    /// Has it take up to `max` due jobs now, also where it takes none by itself; answers once they have ended.
    pub(crate) async fn batch(&self, max: usize) -> Result<Summary, Refused> {
        self.give(|answer| Order::Batch(max, answer)).await?
    }

    async fn give<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, Refused> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(order(answer)).await.map_err(|_| Refused::Ending)?;
        answered.await.map_err(|_| Refused::Ending)
    }
}

//! SIGTERM and SIGINT: the first begins an orderly end, the second ends at once.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::error::Error;

/// Ctrl-C reaches a process both from the terminal and from the program that started it: what comes so soon
/// after the first signal is the same wish.
const ONE_GESTURE: Duration = Duration::from_millis(300);

/// Tells every part that the process ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shutdown {
    begins: CancellationToken,
    begun: Arc<OnceLock<Instant>>,
}

impl Shutdown {
    /// Listens for signals from now on.
    pub(crate) fn on_signals() -> Result<Self, Error> {
        let listen =
            |kind| signal(kind).map_err(|error| Error::Refused(format!("no signal handler: {error}")));
        let (terminate, interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let shutdown = Self::default();
        tokio::spawn(watch(shutdown.clone(), terminate, interrupt));
        Ok(shutdown)
    }

    /// Whether it has begun.
    pub(crate) fn begun(&self) -> bool {
        self.begins.is_cancelled()
    }

    /// How long it lasts already.
    pub(crate) fn lasts(&self) -> Duration {
        self.begun.get().map(Instant::elapsed).unwrap_or_default()
    }

    /// Waits until it begins.
    pub(crate) async fn wait(&self) {
        self.begins.cancelled().await;
    }
}

async fn watch(shutdown: Shutdown, mut terminate: Signal, mut interrupt: Signal) {
    next(&mut terminate, &mut interrupt).await;
    info!("shutting down; a second signal ends at once");
    let begun = *shutdown.begun.get_or_init(Instant::now);
    shutdown.begins.cancel();
    next(&mut terminate, &mut interrupt).await;
    while begun.elapsed() < ONE_GESTURE {
        next(&mut terminate, &mut interrupt).await;
    }
    warn!("ended by a second signal");
    std::process::exit(1);
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

//! Logs to standard error: text for people, JSON for collectors. Only this crate's own events are written:
//! what a library logs can hold an address with a token in it.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::Log;

/// Starts logging and sends panics there too.
pub(crate) fn start(log: &Log) {
    let layer = fmt::layer().with_writer(std::io::stderr);
    let layer = if log.json {
        layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    } else {
        layer.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed()
    };
    let filter = Targets::new().with_target("crierd", log.level);
    // A second start (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "panic");
    }));
}

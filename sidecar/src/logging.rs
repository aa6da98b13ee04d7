//! Logs to standard error: text for people, JSON for collectors. Only this crate's own events are written:
//! what a library logs can hold an address with a token in it.

mod json;

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::Log;
use crate::traces::Recorder;

/// Starts logging and sends panics there too.
pub(crate) fn start(log: &Log, traces: Option<Recorder>) {
    let subscriber = tracing_subscriber::registry().with(lines(log, std::io::stderr));
    // A second start (tests) keeps the first subscriber.
    let _ = subscriber.with(traces.map(Recorder::filtered)).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "panic");
    }));
}

/// What writes the lines.
fn lines<S, W>(log: &Log, to: W) -> impl Layer<S> + use<S, W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(to);
    let layer = if log.json {
        layer.fmt_fields(JsonFields::new()).event_format(json::JsonLines).boxed()
    } else {
        layer.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed()
    };
    layer.with_filter(Targets::new().with_target("crierd", log.level))
}

#[cfg(test)]
mod tests;

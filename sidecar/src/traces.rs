//! Traces: every try of a job is sent to a collector, with what it waited for. A trace is that of a post: its id is the post's, a
//! UUID like it, so that all tries on all sidecars come together without anybody keeping a number for it, and whoever knows
//! the post finds them. A job without a post has a trace of its own, by the job's id.
//!
//! What is sent is OTLP as JSON, by the client of HTTP that is here already: a job's trace is known only once its target is, and the
//! usual samplers take the bits for random that tell the version of a UUID.

mod export;
mod otlp;
mod recorder;
mod sampler;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use prometheus_client::metrics::counter::Counter;
use uuid::Uuid;

use crate::config;
use crate::error::Error;
pub(crate) use export::Exporter;
pub(crate) use recorder::Recorder;
use sampler::Sampler;

/// How many spans wait to be sent. A try has some ten.
const QUEUE: usize = 8_192;

/// What became of spans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// The collector has them.
    pub(crate) sent: Counter,
    /// Nobody has them: too many were waiting, or the collector refused them.
    pub(crate) dropped: Counter,
}

/// What records spans, and what sends them.
pub(crate) fn new(
    traces: &config::Traces,
    instance: &str,
    counts: &Counts,
) -> Result<(Recorder, Exporter), Error> {
    let (queue, spans) = tokio::sync::mpsc::channel(QUEUE);
    let recorder = Recorder::new(Sampler::new(traces.sample_ratio), queue, counts.dropped.clone());
    Ok((recorder, Exporter::new(traces, instance, spans, counts.clone())?))
}

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
struct Finished {
    trace: Uuid,
    id: SpanId,
    parent: Option<SpanId>,
    name: &'static str,
    begun: SystemTime,
    ended: SystemTime,
    attributes: Vec<(&'static str, Attribute)>,
}

/// The name of a span within its trace.
type SpanId = [u8; 8];

/// A value of a span.
#[derive(Clone, Debug, PartialEq)]
enum Attribute {
    Text(String),
    Integer(i64),
    Real(f64),
    Flag(bool),
}

//! Makes spans of traces of what the program's own spans say. What is in no job is in no trace.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

use super::{Attribute, Finished, Sampler, SpanId};
use crate::spans;

/// Records spans, and hands over those that have ended. Never waits: what does not fit into the queue is counted.
pub(crate) struct Recorder {
    sampler: Sampler,
    queue: mpsc::Sender<Finished>,
    dropped: Counter,
}

/// Which trace the spans of a job belong to.
struct Trace {
    job: Uuid,
    post: OnceLock<Uuid>,
}

impl Trace {
    /// The post is told before anything below the job begins.
    fn id(&self) -> Uuid {
        self.post.get().copied().unwrap_or(self.job)
    }
}

/// A span that has not ended.
struct Open {
    trace: Arc<Trace>,
    id: SpanId,
    parent: Option<SpanId>,
    name: &'static str,
    begun: SystemTime,
    /// When it came out, where something may hold the span for longer.
    ended: Option<SystemTime>,
    fields: Fields,
}

impl Recorder {
    pub(super) fn new(sampler: Sampler, queue: mpsc::Sender<Finished>, dropped: Counter) -> Self {
        Self { sampler, queue, dropped }
    }

    /// With a filter that spares it everything else.
    pub(crate) fn filtered<S>(self) -> impl Layer<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let targets = [spans::JOBS, spans::TRACES].map(|target| (target, LevelFilter::INFO));
        self.with_filter(Targets::new().with_targets(targets))
    }

    fn end(&self, open: Open) {
        let trace = open.trace.id();
        if !self.sampler.takes(trace) {
            return;
        }
        let Open { id, parent, name, begun, ended, fields: Fields(attributes), .. } = open;
        let ended = ended.unwrap_or_else(SystemTime::now);
        let span = Finished { trace, id, parent, name, begun, ended, attributes };
        if self.queue.try_send(span).is_err() {
            self.dropped.inc();
        }
    }
}

impl Open {
    /// The beginning of a try.
    fn job(fields: Fields) -> Option<Self> {
        let Attribute::Text(job) = fields.get("job_id")? else { return None };
        let trace = Trace { job: job.parse().ok()?, post: OnceLock::new() };
        Self::new(Arc::new(trace), None, spans::JOB, fields)
    }

    /// Something within one. That it waited was before it, and stands beside it.
    fn within(job: &Self, name: &'static str, mut fields: Fields) -> Option<Self> {
        let trace = Arc::clone(&job.trace);
        match fields.take("waited") {
            Some(Attribute::Real(seconds)) => {
                let waited = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                let begun = job.begun.checked_sub(waited).unwrap_or(job.begun);
                Some(Self { begun, ended: Some(job.begun), ..Self::new(trace, None, name, fields)? })
            }
            _ => Self::new(trace, Some(job.id), name, fields),
        }
    }

    /// Nothing where the system has no entropy: spans that can't be told apart are worth nothing.
    fn new(trace: Arc<Trace>, parent: Option<SpanId>, name: &'static str, fields: Fields) -> Option<Self> {
        let id = getrandom::u64().ok()?.to_be_bytes();
        Some(Self { trace, id, parent, name, begun: SystemTime::now(), ended: None, fields })
    }

    fn learn(&mut self, news: Fields) {
        for (name, value) in news.0 {
            match (name, &value) {
                ("post_id", Attribute::Text(post)) => {
                    // it is told once
                    let _ = post.parse().map(|post| self.trace.post.set(post));
                }
                ("outcome", Attribute::Text(outcome)) => {
                    self.ended = Some(SystemTime::now());
                    if !["published", "done", "delivered", "dropped"].contains(&outcome.as_str()) {
                        self.fields.set("error.type", value.clone());
                    }
                }
                _ => {}
            }
            self.fields.set(name, value);
        }
    }
}

impl<S> Layer<S> for Recorder
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let open = if span.name() == spans::JOB {
            Open::job(fields)
        } else {
            let parent = span.parent();
            parent.and_then(|parent| Open::within(parent.extensions().get::<Open>()?, span.name(), fields))
        };
        if let Some(open) = open {
            span.extensions_mut().insert(open);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            let mut news = Fields::default();
            values.record(&mut news);
            open.learn(news);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let open = context.span(&id).and_then(|span| span.extensions_mut().remove::<Open>());
        open.into_iter().for_each(|open| self.end(open));
    }
}

/// What a span says.
#[derive(Default)]
struct Fields(Vec<(&'static str, Attribute)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&Attribute> {
        self.0.iter().find_map(|(known, value)| (*known == name).then_some(value))
    }

    fn take(&mut self, name: &str) -> Option<Attribute> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(at).1)
    }

    /// The last word counts.
    fn set(&mut self, name: &'static str, value: Attribute) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), Attribute::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), Attribute::Text(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), Attribute::Flag(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), Attribute::Integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(
            field.name(),
            i64::try_from(value).map_or_else(|_| Attribute::Text(value.to_string()), Attribute::Integer),
        );
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), Attribute::Real(value));
    }
}

//! One JSON object a line. The fields of the spans that a line is written in stand beside its own: collectors search `job_id`,
//! not `span.job_id`.

use std::fmt;

use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes lines. What a span has is taken from [`JsonFields`]; a field of the line itself wins.
pub(super) struct JsonLines;

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(formatted) = span.extensions().get::<FormattedFields<JsonFields>>() {
                let of_span: Map<_, _> = serde_json::from_str(&formatted.fields).unwrap_or_default();
                fields.0.extend(of_span);
            }
        }
        event.record(&mut fields);
        let (mut time, meta) = (String::new(), event.metadata());
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        writeln!(writer, "{}", line(&time, meta.level().as_str(), meta.target(), &fields.0)?)
    }
}

fn line(time: &str, level: &str, target: &str, fields: &Map<String, Value>) -> Result<String, fmt::Error> {
    let mut line = Vec::new();
    let mut json = serde_json::Serializer::new(&mut line);
    let mut write = || {
        let mut map = json.serialize_map(None)?;
        map.serialize_entry("timestamp", time)?;
        map.serialize_entry("level", level)?;
        for (name, value) in fields {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("target", target)?;
        map.end()
    };
    write().map_err(|_| fmt::Error)?;
    String::from_utf8(line).map_err(|_| fmt::Error)
}

/// The fields of a line.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }
}

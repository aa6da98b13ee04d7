//! Spans in the form of OTLP, as JSON: ids in hexadecimal digits, times and whole numbers as texts.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Attribute, Finished};
use crate::hex::hex;
use crate::spans;

/// Numbers of the protocol.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const CONSUMER: u8 = 5;
const ERROR: u8 = 2;

/// Who sends.
pub(super) fn resource(service_name: &str, instance: &str) -> Value {
    let attributes = [
        ("service.name", service_name),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", instance),
    ];
    let attributes = attributes.map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }));
    json!({ "attributes": attributes })
}

/// A request to take spans.
pub(super) fn request(resource: &Value, spans: &[Finished]) -> Value {
    let scope = json!({ "name": "crierd", "version": env!("CARGO_PKG_VERSION") });
    let spans: Vec<_> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "scope": scope, "spans": spans }] }] })
}

fn span(span: &Finished) -> Value {
    let attributes: Vec<_> = fixed(span.name)
        .iter()
        .map(|(key, value)| attribute(key, json!({ "stringValue": value })))
        .chain(span.attributes.iter().map(|(name, value)| attribute(named(name), any_value(value))))
        .collect();
    let mut json = json!({
        "traceId": hex(span.trace.as_bytes()),
        "spanId": hex(&span.id),
        "name": span.name,
        "kind": kind(span.name),
        "startTimeUnixNano": nanoseconds(span.begun),
        "endTimeUnixNano": nanoseconds(span.ended),
        "attributes": attributes,
    });
    if let Some(parent) = span.parent {
        json["parentSpanId"] = json!(hex(&parent));
    }
    if span.attributes.iter().any(|(name, _)| *name == "error.type") {
        json["status"] = json!({ "code": ERROR });
    }
    json
}

/// What is always true of a span of a name.
fn fixed(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        spans::JOB => &[("messaging.system", "crier"), ("messaging.operation.type", "process")],
        _ => &[],
    }
}

fn kind(name: &str) -> u8 {
    match name {
        spans::JOB => CONSUMER,
        spans::CALL => CLIENT,
        _ => INTERNAL,
    }
}

/// What a field of a job is called among traces: by the semantic conventions where they have a name for it.
fn named(field: &'static str) -> &'static str {
    match field {
        "job_id" => "messaging.message.id",
        "kind" => "messaging.destination.name",
        "attempt" => "crier.attempt",
        "account_id" => "crier.account.id",
        "platform" => "crier.platform",
        "post_id" => "crier.post.id",
        "target_id" => "crier.target.id",
        "outcome" => "crier.outcome",
        other => other,
    }
}

fn attribute(key: &str, value: Value) -> Value {
    json!({ "key": key, "value": value })
}

fn any_value(value: &Attribute) -> Value {
    match value {
        Attribute::Text(text) => json!({ "stringValue": text }),
        Attribute::Integer(number) => json!({ "intValue": number.to_string() }),
        Attribute::Real(number) => json!({ "doubleValue": number }),
        Attribute::Flag(flag) => json!({ "boolValue": flag }),
    }
}

fn nanoseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tracing::{Level, info, warn};
use uuid::Uuid;

use super::*;
use crate::spans;
use crate::worker::claim;

/// Lines that are kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is written meanwhile.
fn written(json: bool, level: Level, write: impl FnOnce()) -> String {
    let kept = Kept::default();
    let writer = kept.clone();
    let layer = lines(&Log { json, level }, move || writer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), write);
    let bytes = kept.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn one_job() {
    let _inside = spans::job(&claim(1, 7, Some(9))).entered();
    spans::acts_on("x");
    warn!(status = 429, asked = true, share = 0.5, reason = "a \"quote\"\nand a line", "not published");
}

#[test]
fn the_ids_of_a_job_stand_beside_what_a_line_says() {
    let line = written(true, Level::INFO, one_job);
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    assert!(line.starts_with(r#"{"timestamp":"#), "{line}");
    let mut line: Value = serde_json::from_str(&line).unwrap();
    let fields = line.as_object_mut().unwrap();
    assert!(fields.remove("timestamp").unwrap().as_str().is_some_and(|time| time.ends_with('Z')));
    let expected = json!({
        "level": "WARN", "target": "crierd::logging::tests", "message": "not published", "status": 429, "asked": true,
        "share": 0.5, "reason": "a \"quote\"\nand a line", "job_id": Uuid::from_u128(1), "kind": "publish_post", "attempt": 1,
        "account_id": Uuid::from_u128(9), "platform": "x"
    });
    assert_eq!(line, expected);
}

#[test]
fn text_has_them_too() {
    let line = written(false, Level::INFO, one_job);
    for part in
        ["job_id=00000000-0000-0000-0000-000000000001", "platform=\"x\"", "not published", "status=429"]
    {
        assert!(line.contains(part), "expected {part} in {line}");
    }
}

#[test]
fn a_job_is_named_even_where_only_errors_are_logged() {
    let only_errors = || {
        let _inside = spans::job(&claim(1, 7, None)).entered();
        info!("not logged");
        tracing::error!("a failure");
    };
    let line: Value = serde_json::from_str(&written(true, Level::ERROR, only_errors)).unwrap();
    assert_eq!((&line["message"], &line["attempt"]), (&json!("a failure"), &json!(1)));
}

#[test]
fn a_line_wins_over_what_it_is_written_in_and_stands_alone_without() {
    let lines = written(true, Level::INFO, || {
        spans::request("abc").in_scope(|| info!(request_id = "own", "inside"));
        info!("outside");
    });
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["request_id"], lines[1].get("request_id")), (&json!("own"), None));
}

#[test]
fn libraries_are_not_heard_and_calls_are_no_part_of_a_line() {
    let lines = written(true, Level::TRACE, || {
        tracing::error!(target: "hyper", "an address with a token");
        let _call = spans::call("x").entered();
        info!("during a call");
    });
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.contains("during a call") && !lines.contains("crier.platform"), "{lines}");
}

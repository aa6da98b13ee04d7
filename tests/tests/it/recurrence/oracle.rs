//! The other opinion: oracle.py, run as a process.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

/// A Python that has dateutil: the system's, for which `make test` installs it, or another.
fn python() -> &'static str {
    let is_fit = |python: &&&str| {
        let imported = Command::new(python).args(["-c", "import dateutil.rrule, zoneinfo"]).output();
        imported.is_ok_and(|output| output.status.success())
    };
    ["/usr/bin/python3", "python3"]
        .iter()
        .find(is_fit)
        .expect("a Python with dateutil: scripts/prerequisites test")
}

/// The answers to requests, in their order. Two processes share the work.
pub(super) fn ask(requests: &[Value]) -> Vec<Value> {
    let halves = requests.split_at(requests.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| ask_one(halves.1));
        let mut answers = ask_one(halves.0);
        answers.extend(other.join().expect("the oracle"));
        answers
    })
}

fn ask_one(requests: &[Value]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/recurrence/oracle.py");
    let mut child = Command::new(python())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starting the oracle");
    let mut stdin = child.stdin.take().expect("its input");
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            for request in requests {
                // A broken pipe is an oracle that has said why on its way out
                if writeln!(stdin, "{request}").is_err() {
                    break;
                }
            }
        });
        child.wait_with_output().expect("the oracle's answers")
    });
    assert!(output.status.success(), "the oracle ended with {}", output.status);
    let text = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), requests.len(), "answers of the oracle");
    answers
}

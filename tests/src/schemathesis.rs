//! Schemathesis, which others wrote: it makes requests from the document of an API, and looks whether the answers fit it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::python::install;

/// Tries an API; answers with what it printed, and whether it found nothing.
///
/// # Panics
/// When it can't be installed or run.
pub fn try_out(url: &str, token: &str, dir: &Path, examples: u32) -> (bool, String) {
    let program = install("schemathesis", "schemathesis");
    let checks =
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let output = Command::new(program)
        .current_dir(dir)
        .args(["--no-color", "run", &format!("{url}/v1/openapi.json"), "--url", url, "--checks", checks])
        .args(["--header", &format!("Authorization: Bearer {token}"), "--phases", "coverage,fuzzing"])
        .args(["--seed", "1", "--no-shrink", "--request-timeout", "20", "--continue-on-failure"])
        .args([
            "--max-examples",
            &examples.to_string(),
            "--suppress-health-check",
            "all",
            "--warnings",
            "off",
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("can't run schemathesis: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

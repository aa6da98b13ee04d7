//! What providers ask, compared with `tests/fixtures/PLATFORM/requests.json`.

use serde::Serialize;

/// Fails where something else was asked than is recorded. With `CRIER_GOLDEN` set, what was asked is recorded first.
pub(super) fn check(platform: &str, asked: &impl Serialize) {
    let path = format!("{}/../tests/fixtures/{platform}/requests.json", env!("CARGO_MANIFEST_DIR"));
    let said = serde_json::to_string_pretty(asked).unwrap() + "\n";
    if std::env::var_os("CRIER_GOLDEN").is_some() {
        std::fs::write(&path, &said).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(said, golden, "if this is meant, run the test with CRIER_GOLDEN=1 and read the diff");
}

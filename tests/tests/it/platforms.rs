//! What every platform of `core` has to have beside it. That it has a provider is a test of the sidecar's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crier_core::platform::Action;
use crier_tests::cluster::Database;
use crier_tests::sim::Sim;

use crate::fault_orders::COURSES;

/// The names of all platforms.
fn known() -> BTreeSet<String> {
    crier_core::platform::ALL.iter().map(|platform| platform.name.to_owned()).collect()
}

/// A path in the checkout.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// What else is recorded: answers to logins of Bluesky, and what platforms send.
const OTHERS: [&str; 2] = ["bluesky_oauth", "webhooks"];

/// The names of the files in a folder that end so, without the end.
fn names(folder: &str, end: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(at(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_suffix(end).map(str::to_owned)).collect()
}

#[test]
fn every_platform_has_a_simulator() {
    let simulated: BTreeSet<_> = Sim::start().platforms().into_iter().map(str::to_owned).collect();
    assert_eq!(simulated, known());
}

#[test]
fn every_platform_has_recorded_answers() {
    let mut recorded = names("tests/fixtures", "");
    for other in OTHERS {
        assert!(recorded.remove(other), "tests/fixtures/{other} is not there");
    }
    assert_eq!(recorded, known());
    for platform in known() {
        let answers = names(&format!("tests/fixtures/{platform}"), ".json");
        assert!(
            answers.len() >= 3,
            "expected the errors of {platform} in tests/fixtures/{platform}, found {answers:?}"
        );
    }
}

#[test]
fn every_platform_has_a_page() {
    assert_eq!(names("docs/platforms", ".md"), known());
    for platform in known() {
        let path = format!("docs/platforms/{platform}.md");
        let page = std::fs::read_to_string(at(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        for part in [&format!("crierd account add {platform}"), "## Limits", "## Known traps"] {
            assert!(page.contains(part), "expected {part:?} in {path}");
        }
    }
}

/// Each limit that a new database has, as a line of the table in its platform's page.
const LIMITS: &str = "SELECT format('| %s | %s | %s | %s |', action, scope, \
                             replace(replace(replace(per::text, '@ ', ''), 'min', 'minute'), 'sec', 'second'), \
                             trim(to_char(max, '999,999'))) \
                      FROM crier.platform_limit WHERE platform = $1";

#[tokio::test]
async fn every_page_has_the_limits_of_its_platform() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    sql.run("SET intervalstyle = postgres_verbose").await;
    for platform in known() {
        let limits: Vec<String> = sql.column(LIMITS, &[&platform]).await;
        let path = format!("docs/platforms/{platform}.md");
        let page = std::fs::read_to_string(at(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let shown = page.lines().filter(|line| is_limit(line)).map(str::to_owned);
        assert_eq!(shown.collect::<BTreeSet<_>>(), limits.into_iter().collect(), "the limits in {path}");
    }
}

/// Whether a line is of that table: it names an action and of what each has its limit.
fn is_limit(line: &str) -> bool {
    line.starts_with("| ") && line.split(" | ").nth(1).is_some_and(|of| ["account", "platform"].contains(&of))
}

/// X is left to the operator: each reading costs there.
#[tokio::test]
async fn the_figures_of_every_platform_that_tells_them_are_read() {
    let database = Database::shared().await;
    let planned: Vec<String> =
        database.connect().await.column("SELECT platform FROM crier.metrics_plan", &[]).await;
    let tell =
        crier_core::platform::ALL.iter().filter(|platform| platform.actions.contains(&Action::Metrics));
    let tell = tell.map(|platform| platform.name.to_owned()).filter(|name| name != "x");
    assert_eq!(planned.into_iter().collect::<BTreeSet<_>>(), tell.collect());
}

#[test]
fn every_platform_is_run_through_faults() {
    let courses: BTreeSet<_> = COURSES.iter().map(|course| course.platform.to_owned()).collect();
    assert_eq!(courses, known());
}

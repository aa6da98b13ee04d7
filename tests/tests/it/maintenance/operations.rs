//! Whoever is told of something finds in docs/operations.md what it is and what to do.

use std::collections::BTreeSet;
use std::path::Path;

use crier_tests::cluster::Database;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The words in code in the first cells of the rows of tables below a heading.
fn first_cells(text: &str, heading: &str) -> BTreeSet<String> {
    let section = text.split_once(heading).unwrap_or_else(|| panic!("no {heading}")).1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells
        .flat_map(|cell| {
            cell.split(&['`', ',', ' '])
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test]
async fn every_alert_is_named_with_its_cause_and_remedy() {
    let text = read("docs/operations.md");
    let sql = Database::shared().await.connect().await;
    let thresholds: Vec<String> = sql.column("SELECT name FROM crier.alert_threshold", &[]).await;
    assert_eq!(
        first_cells(&text, "## When something is above its threshold"),
        thresholds.into_iter().collect()
    );

    let rules = read("monitoring/alerts.yml");
    let rules = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned);
    assert_eq!(first_cells(&text, "## What Prometheus says"), rules.collect());

    let told = first_cells(&read("docs/alerts.md"), "## What is told");
    assert!(told.len() > 6, "{told:?}");
    assert_eq!(first_cells(&text, "## What endpoints are told"), told);
    // a row says something in each of its cells
    let empty = text.lines().find(|line| line.starts_with('|') && line.contains("|  |"));
    assert_eq!(empty, None);
}

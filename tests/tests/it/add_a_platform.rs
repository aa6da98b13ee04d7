//! `docs/add-a-platform.md` is followed to the letter, in a copy of the checkout: what stands there is written and added, the
//! extension, the sidecar and the simulator are built from it, and the tests of the new platform run.

use std::collections::BTreeSet;

use crier_tests::checkout::Checkout;
use crier_tests::installation::Installation;
use crier_tests::process::succeed;

const PAGE: &str = include_str!("../../../docs/add-a-platform.md");

/// What the workspace step of `make test` builds: with other packages the crates of others would be others.
const WORKSPACE: [&str; 4] = ["--locked", "--workspace", "--exclude", "crier"];

/// Names of tests that are of the new platform, or look at all of them.
const TESTS: [&str; 2] = ["toy", "every_platform_"];

/// Tests that have to have run, by the ends of their names.
const RAN: [&str; 11] = [
    "toy::tests::toy_has_no_settings",
    "toy::tests::every_recorded_answer_has_its_class",
    "every_platform_of_core_has_a_provider",
    "every_platform_has_a_simulator",
    "every_platform_has_recorded_answers",
    "every_platform_has_a_page",
    "every_platform_is_run_through_faults",
    "toy::a_post_is_published_on_toy",
    "toy::a_post_whose_answer_is_lost_is_on_toy_once",
    "toy::what_toy_would_refuse_is_refused_before",
    "toy::no_order_of_faults_loses_a_post_on_toy_or_doubles_it",
];

/// A step of the page.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A new file.
    New { path: String, text: String },
    /// Lines after a line of a file.
    In { path: String, after: String, text: String },
}

/// The steps of a page: a line in bold that says where, and the block that follows it.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(place) = line.strip_prefix("**New: ").or(line.strip_prefix("**In ")) else { continue };
        let quoted: Vec<String> = place.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let opens = lines.find(|line| !line.is_empty()).unwrap_or_default();
        assert!(opens.starts_with("```"), "expected a block after {line:?}");
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = block.join("\n") + "\n";
        steps.push(match (line.starts_with("**New"), quoted.as_slice()) {
            (true, [path]) => Step::New { path: path.clone(), text },
            (false, [path, after]) => Step::In { path: path.clone(), after: after.clone(), text },
            _ => panic!("can't read {line:?}"),
        });
    }
    steps
}

/// The tests that have passed, as the programs say.
fn passed(output: &str) -> BTreeSet<&str> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"));
    lines.collect()
}

#[test]
fn a_step_is_a_place_and_a_block() {
    let page = "# A\n\n**New: `a/b.rs`**\n\n```rust\nx\n\ny\n```\ntext\n**In `c`, after `d;`:**\n\n```rust\nz\n```\n";
    let new = Step::New { path: "a/b.rs".into(), text: "x\n\ny\n".into() };
    let added = Step::In { path: "c".into(), after: "d;".into(), text: "z\n".into() };
    assert_eq!(steps(page), [new, added]);
}

#[test]
fn the_page_leads_to_a_post_that_is_there_once() {
    let checkout = Checkout::copy();
    let steps = steps(PAGE);
    assert!(steps.len() >= 18, "expected more than {} steps", steps.len());
    for step in &steps {
        match step {
            Step::New { path, text } => checkout.write(path, text),
            Step::In { path, after, text } => checkout.insert(path, after, text),
        }
    }
    succeed(checkout.command("cargo").args(["fmt", "--all", "--check"]));

    // as in scripts/test: a library for the new platform, in a Postgres of its own
    let installation = Installation::copy();
    let dev = ["CRIER_PROFILE", "dev"];
    let mut build = checkout.building("scripts/build");
    succeed(build.arg("extension").env("PG_CONFIG", checkout.pg_config()).env(dev[0], dev[1]));
    let mut install = checkout.command("bash");
    install.args(["scripts/install", "extension"]).env("PG_CONFIG", installation.bin().join("pg_config"));
    succeed(install.env("NO_BUILD", "1").env(dev[0], dev[1]));

    let (programs, tests) = (["--bin", "crierd", "--test", "it"], ["--lib", "--test", "it"]);
    succeed(checkout.building("cargo").arg("build").args(WORKSPACE).args(programs));
    succeed(checkout.building("cargo").args(["test", "--no-run"]).args(WORKSPACE).args(tests));
    // what has time limits runs as other tests do
    let mut test = checkout.command("cargo");
    test.arg("test").args(WORKSPACE).args(tests).arg("--").args(TESTS);
    test.env("CRIER_TEST_PG_BIN", installation.bin());
    test.env("CRIER_TEST_CRIERD", checkout.target().join("debug/crierd"));
    let output = succeed(&mut test);
    let output = String::from_utf8_lossy(&output.stdout);
    let passed = passed(&output);
    for name in RAN {
        assert!(passed.iter().any(|test| test.ends_with(name)), "expected {name} to have run:\n{output}");
    }
}

//! The commands of docs/cli.md run as they stand.

use std::path::Path;

use crier_tests::crierd::{finish, program};
use crier_tests::process::bound_to_this_thread;
use crier_tests::stage::dummy_account;

use super::Desk;

#[tokio::test]
async fn every_command_of_the_page_runs() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let text = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let desk = Desk::new().await;
    dummy_account(&desk.sql, desk.workspace, "alice.bsky.social").await;
    let path = std::env::var("PATH").unwrap_or_default();
    let here = program().parent().map(|dir| dir.display().to_string()).unwrap_or_default();
    let mut ran = 0;
    for (at, block) in text.split("\n```sh\n").enumerate().skip(1) {
        let commands = block.split("\n```").next().unwrap_or_default();
        let mut command = bound_to_this_thread(Path::new("bash"));
        command.args(["-euo", "pipefail", "-c", commands]).current_dir(desk.deployment.dir());
        command.env_clear().env("PATH", format!("{here}:{path}")).env("TZ", "Europe/Berlin");
        command.env("CRIER_DATABASE_URL", desk.database.url(crier_tests::cluster::SIDECAR_ROLE));
        let printed = finish(&mut command, "");
        assert!(printed.status.success(), "block {at} of docs/cli.md:\n{commands}\n{printed:?}");
        ran += 1;
    }
    assert!(ran >= 5, "expected commands in docs/cli.md");
}

//! Keys that are missing, wrong or lost: `crierd doctor` and `crierd keys status` say which, and what to do.

use crier_tests::cluster::Database;
use crier_tests::crierd::Deployment;
use crier_tests::sim::Sim;
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for};

use super::{done, failed, make_older};

/// Puts another text in the place of the key file.
fn write_key_file(deployment: &Deployment, text: &str) {
    let path = deployment.dir().join("crier.key");
    std::fs::remove_file(&path).expect("the key file");
    std::fs::write(&path, text).expect("the key file");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o400)).expect("its mode");
}

const OTHER: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Both commands say this.
fn both_say(sim: &Sim, stage: &Stage, parts: &[&str]) {
    let status = failed(&stage.deployment.run(&["keys", "status"], ""));
    let doctor = failed(&stage.deployment.run(&["doctor", "--pds", &sim.bluesky_url()], ""));
    let line = doctor.lines().find(|line| line.starts_with("FAIL  sealed")).unwrap_or_default();
    for part in parts {
        assert!(status.contains(part), "expected {part:?} in\n{status}");
        assert!(line.contains(part), "expected {part:?} in {line:?} of\n{doctor}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_keys_is_said_with_the_remedy() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let key_file = stage.deployment.dir().join("crier.key");
    let text = std::fs::read_to_string(&key_file).expect("the key file");
    assert!(
        done(&stage.deployment, &["keys", "status"]).contains("everything is sealed with the newest keys")
    );

    // of the new format and of the old one
    for format in [2, 1] {
        if format == 1 {
            make_older(&sim, &stage).await;
            let pending = done(&stage.deployment, &["keys", "status"]);
            assert!(pending.contains("1 value(s) in the format of older versions"), "{pending}");
            assert!(pending.contains("crierd keys rotate"), "{pending}");
        }
        write_key_file(&stage.deployment, &format!("1:{OTHER}\n"));
        both_say(&sim, &stage, &["key 1 is not the one", "remedy", "of this installation"]);
        write_key_file(&stage.deployment, &format!("2:{OTHER}\n"));
        both_say(&sim, &stage, &["key(s) 1 are missing", "remedy", "backup"]);
        assert!(failed(&stage.deployment.run(&["keys", "status"], "")).contains("key 1     MISSING"));
        let rotate = failed(&stage.deployment.run(&["keys", "rotate"], ""));
        assert!(rotate.contains("1 can't be opened") && rotate.contains("key 1 is needed"), "{rotate}");
        write_key_file(&stage.deployment, &text);
    }
    done(&stage.deployment, &["keys", "rotate"]);
    stage.sql.run("DELETE FROM crier.data_key").await;
    both_say(
        &sim,
        &stage,
        &["1 value(s) are sealed with data keys that are not in the database", "crier.data_key"],
    );
    let rotate = failed(&stage.deployment.run(&["keys", "rotate"], ""));
    assert!(
        rotate.contains("is not in this database") && rotate.contains("connect the account again"),
        "{rotate}"
    );
}

/// A key that another host has added may arrive a little later: the post waits for it.
#[tokio::test]
async fn a_post_waits_for_a_key_that_is_missing() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let key_file = stage.deployment.dir().join("crier.key");
    let text = std::fs::read_to_string(&key_file).expect("the key file");
    write_key_file(&stage.deployment, &format!("2:{OTHER}\n"));
    let crierd = stage.deployment.start().await;
    let post = stage.post("waits for its key").await;
    let target = wait_for("the first try to fail", SOON, async || {
        let target = stage.target(post).await;
        if target["error"].is_null() { Err(target) } else { Ok(target) }
    })
    .await;
    assert_eq!(target["error"]["class"], "transient", "{target}");
    let message = target["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("key 1 is needed") && message.contains("remedy"), "{target}");
    write_key_file(&stage.deployment, &text);
    stage.published(post).await;
    assert_eq!(sim.visible("waits for its key").len(), 1);
    drop(crierd);
}

/// With a workspace its data keys are gone, and with them what they sealed, also where a copy of the values is left.
#[tokio::test]
async fn with_a_workspace_its_data_keys_are_gone() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.data_key").await, "1");
    stage.sql.rows("DELETE FROM crier.workspace WHERE id = $1", &[&stage.workspace]).await;
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.data_key").await, "0");
}

//! Keys from a variable, from a command, and as a credential of systemd.

use std::os::unix::fs::PermissionsExt;

use crier_tests::cluster::Database;
use crier_tests::crierd::finish;
use crier_tests::sim::Sim;
use crier_tests::stage::Stage;

use super::failed;

#[tokio::test]
async fn keys_come_from_where_the_operator_keeps_them() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let dir = stage.deployment.dir();
    let key = std::fs::read_to_string(dir.join("crier.key")).expect("the key file");
    // the configuration names no source any more
    let config = dir.join("crierd.toml");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let without: Vec<_> = text.lines().filter(|line| !line.starts_with("key_file")).collect();
    std::fs::write(&config, without.join("\n")).expect("the configuration");
    // as systemd has it where the file system has access lists: the group's right is the list's mask
    let credentials = dir.join("credentials");
    std::fs::create_dir(&credentials).expect("a directory");
    let credential = credentials.join("crier.key");
    std::fs::rename(dir.join("crier.key"), &credential).expect("the key file");
    std::fs::set_permissions(&credential, PermissionsExt::from_mode(0o440)).expect("its mode");
    let path = credential.to_str().expect("a path").to_owned();
    let directory = credentials.to_str().expect("a path").to_owned();
    let command = format!("cat {path}");

    let sources: [&[(&str, &str)]; 3] = [
        &[("CRIER_KEYS", &key)],
        &[("CRIER_KEY_COMMAND", &command)],
        &[("CRIER_KEY_FILE", &path), ("CREDENTIALS_DIRECTORY", &directory)],
    ];
    for (at, variables) in sources.into_iter().enumerate() {
        let crierd = stage.deployment.start_with(variables).await;
        let text = format!("source {at}");
        let post = stage.post(&text).await;
        stage.published(post).await;
        assert_eq!(sim.visible(&text).len(), 1);
        drop(crierd);
    }

    let run = |variables: &[(&str, &str)], arguments: &[&str]| {
        finish(stage.deployment.command().envs(variables.iter().copied()).args(arguments), "")
    };
    // the same file elsewhere is open to the group
    let open = failed(&run(&[("CRIER_KEY_FILE", &path)], &["keys", "status"]));
    assert!(open.contains("chmod 0400"), "{open}");
    let both = run(&[("CRIER_KEYS", &key), ("CRIER_KEY_COMMAND", "echo canary")], &["run"]);
    assert_eq!(both.status.code(), Some(2), "{both:?}");
    assert!(both.stderr.contains("secrets.key_command and CRIER_KEYS are set"), "{both:?}");
    let none = run(&[], &["run"]);
    assert!(none.status.code() == Some(2) && none.stderr.contains("secrets.key_file is missing"), "{none:?}");
    let add = failed(&run(&[("CRIER_KEY_COMMAND", &command)], &["keys", "add"]));
    assert!(add.contains("openssl rand -base64 32"), "{add}");
    for failing in ["echo canary; exit 3", "echo canary", "exec /no/canary"] {
        let refused = failed(&run(&[("CRIER_KEY_COMMAND", failing)], &["run"]));
        assert!(refused.contains("secrets.key_command: ") && !refused.contains("canary"), "{refused}");
    }
    let secret = key.lines().last().and_then(|line| line.split_once(':')).expect("a key").1;
    assert!(!stage.deployment.logs().contains(secret), "a key was logged");
}

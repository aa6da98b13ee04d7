//! The program on the command line.

use std::os::unix::fs::PermissionsExt;

use crier_tests::cluster::{Database, SIDECAR_ROLE, Server};
use crier_tests::crierd::{Deployment, Printed, finish};
use crier_tests::sim::Sim;
use crier_tests::stage::{PASSWORD, Stage, create_workspace};
use uuid::Uuid;

/// What a command said that failed as it should.
fn refused(printed: &Printed) -> &str {
    assert_eq!(printed.status.code(), Some(1), "expected exit status 1: {printed:?}");
    assert_eq!(printed.stdout, "", "expected nothing on standard output: {printed:?}");
    &printed.stderr
}

#[tokio::test]
async fn init_makes_a_private_key_once() {
    let deployment = Deployment::uninitialized("postgres://unused");
    let printed = deployment.run(&["init"], "");
    assert!(printed.status.success(), "{printed:?}");
    let (key, config) = (deployment.dir().join("crier.key"), deployment.dir().join("crierd.toml"));
    let mode = |path| std::fs::metadata(path).expect("the file").permissions().mode() & 0o777;
    assert_eq!(mode(&key), 0o400);
    assert_eq!(mode(&config) & 0o077, 0, "the configuration holds the database's password");
    let (secret, text) =
        (std::fs::read(&key).expect("the key"), std::fs::read(&config).expect("the configuration"));
    let secret_text = String::from_utf8_lossy(&secret);
    let line = secret_text.lines().find(|line| !line.starts_with('#')).expect("a line with a key");
    let encoded = line.split_once(':').expect("an id and a key").1;
    assert!(encoded.len() >= 43, "expected 32 bytes in base64");
    assert!(!printed.stdout.contains(encoded) && !printed.stderr.contains(encoded), "the key was printed");

    let again = deployment.run(&["init"], "");
    assert!(refused(&again).contains("crier.key"), "{again:?}");
    assert_eq!((std::fs::read(&key).ok(), std::fs::read(&config).ok()), (Some(secret), Some(text)));

    let elsewhere = deployment.run(&["init", "--dir", "a/b"], "");
    assert!(elsewhere.status.success(), "{elsewhere:?}");
    assert!(deployment.dir().join("a/b/crier.key").is_file());
}

#[tokio::test]
async fn everything_wrong_in_the_configuration_is_said_at_once() {
    let deployment = Deployment::uninitialized("host=a port=many password=canary-password");
    let config = "[worker]\nconcurency = 1\npoll = 'soon'\n[log]\nformat = 'xml'\n";
    std::fs::write(deployment.dir().join("crierd.toml"), config).expect("the configuration");
    let mut command = deployment.command();
    command.args(["run"]).env("CRIER_HTTP_LISTEN", "here").env("CRIER_WORKER_LEASE", "never");
    for variable in ["CRIER_LOG_FORMAT", "CRIER_WORKER_POLL"] {
        command.env_remove(variable);
    }
    let printed = finish(&mut command, "");
    assert_eq!(printed.status.code(), Some(2), "{printed:?}");
    for part in [
        "database.url",
        "secrets.key_file",
        "worker.concurency",
        "worker.poll",
        "worker.lease",
        "http.listen",
        "log.format",
    ] {
        assert!(printed.stderr.contains(part), "expected {part} in\n{}", printed.stderr);
    }
    assert!(!printed.stderr.contains("canary-password"), "{}", printed.stderr);
}

#[tokio::test]
async fn doctor_is_content_with_a_good_deployment() {
    let database = Database::shared().await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let sim = Sim::start();
    let printed = deployment.run(&["doctor", "--pds", &sim.bluesky_url()], "");
    assert!(printed.status.success(), "{printed:?}");
    let parts = [
        "database",
        "server",
        "clock",
        "extension",
        "schema",
        "role",
        "pause",
        "key file",
        "journal",
        "webhooks",
        "bluesky",
    ];
    for part in parts {
        let lines = printed.stdout.lines().filter(|line| line.contains(part)).count();
        assert!(lines > 0, "expected a line for {part} in\n{}", printed.stdout);
    }
    assert!(!printed.stdout.contains("FAIL"), "{}", printed.stdout);
}

#[tokio::test]
async fn doctor_names_the_remedy_for_each_fault() {
    let sim = Sim::start();
    let pds = sim.bluesky_url();
    let server = Server::bare();
    let admin = server.connect("postgres").await;
    admin.run("CREATE ROLE stranger LOGIN").await;
    admin.run("CREATE DATABASE app").await;
    let superuser = server.connect("app").await;
    let doctor = |deployment: &Deployment, part: &str, remedy: &str| {
        let printed = deployment.run(&["doctor", "--pds", &pds], "");
        assert_eq!(printed.status.code(), Some(1), "{part}: {printed:?}");
        let failures = printed.stdout.lines().filter_map(|line| line.strip_prefix("FAIL"));
        let line = failures.map(str::trim_start).find(|line| line.starts_with(part));
        assert!(
            line.is_some_and(|line| line.contains(remedy)),
            "expected {remedy:?} for {part} in\n{}",
            printed.stdout
        );
    };
    let as_superuser = Deployment::init(&server.url("postgres", "app"));
    doctor(&as_superuser, "extension", "CREATE EXTENSION crier");
    superuser.run("CREATE EXTENSION crier").await;
    doctor(&as_superuser, "schema", "crierd migrate");
    let migrated = as_superuser.run(&["migrate"], "");
    assert!(migrated.status.success() && migrated.stdout.contains("applied"), "{migrated:?}");
    assert!(as_superuser.run(&["doctor", "--pds", &pds], "").status.success());
    let elsewhere = as_superuser.run(&["doctor", "--pds", "http://127.0.0.1:1"], "");
    assert_eq!(elsewhere.status.code(), Some(1), "{elsewhere:?}");

    let stranger = Deployment::init(&server.url("stranger", "app"));
    doctor(&stranger, "role", "GRANT crier_worker TO stranger");
    assert!(refused(&stranger.run(&["migrate"], "")).contains("crier_owner"));

    superuser.run("UPDATE crier.installation SET database_oid = 1").await;
    doctor(&as_superuser, "pause", "crier.adopt_database()");

    let nowhere = Deployment::init("postgres://crierd:canary-password@127.0.0.1:1/app");
    doctor(&nowhere, "database", "database.url");
    let key = as_superuser.dir().join("crier.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).expect("the key's mode");
    doctor(&as_superuser, "key file", "chmod 0400");
    std::fs::remove_file(&key).expect("the key");
    doctor(&as_superuser, "key file", "crierd init");
    let journal = as_superuser.dir().join("refresh-journal");
    std::fs::remove_dir_all(&journal).expect("the journal that an earlier check made");
    std::fs::write(&journal, "").expect("a file in its place");
    doctor(&as_superuser, "journal", "refresh.journal");
    let config = as_superuser.dir().join("crierd.toml");
    let with_webhook = std::fs::read_to_string(&config).expect("the configuration")
        + "\n[webhooks.slack]\nsecrets_file = \"nowhere\"\n";
    std::fs::write(&config, with_webhook).expect("the configuration");
    doctor(&as_superuser, "webhooks", "mend the file");
    assert!(!nowhere.run(&["doctor", "--pds", &pds], "").stdout.contains("canary-password"));
}

#[tokio::test]
async fn a_wrong_password_is_not_repeated_and_nothing_is_stored() {
    let sim = Sim::start();
    sim.add_bluesky_account("alice.test", PASSWORD);
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let add = |handle: &str, pds: &str, password: &str| {
        deployment.try_add_account(workspace, handle, pds, password)
    };
    let wrong = add("alice.test", &sim.bluesky_url(), "the-wrong-canary");
    assert!(refused(&wrong).contains("Invalid identifier or password"), "{wrong:?}");
    assert!(!wrong.stderr.contains("the-wrong-canary"), "{wrong:?}");
    assert!(refused(&add("alice.test", &sim.bluesky_url(), "")).contains("password"));
    let clear = add("alice.test", "http://pds.example", PASSWORD);
    assert!(refused(&clear).contains("https"), "expected clear text to be refused off loopback: {clear:?}");
    let refused_connection = add("alice.test", "http://127.0.0.1:1", PASSWORD);
    assert!(!refused(&refused_connection).contains(PASSWORD), "{refused_connection:?}");
    let nowhere = deployment.try_add_account(Uuid::new_v4(), "alice.test", &sim.bluesky_url(), PASSWORD);
    assert!(refused(&nowhere).contains("there is no workspace"), "{nowhere:?}");
    assert_eq!(sql.text("SELECT count(*) FROM crier.social_account").await, "0");
}

#[tokio::test]
async fn another_key_file_can_not_open_what_was_sealed() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let stranger = Deployment::init(&stage.database.url(SIDECAR_ROLE));
    let _crierd = stranger.start().await;
    let post = stage.post("with the wrong key").await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(target["error"]["class"], "config", "{target}");
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn no_two_sidecars_on_one_address() {
    let database = Database::shared().await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let crierd = deployment.start().await;
    let taken = crierd.url().trim_start_matches("http://").to_owned();
    let printed = finish(deployment.command().arg("run").env("CRIER_HTTP_LISTEN", &taken), "");
    assert_eq!(printed.status.code(), Some(1), "{printed:?}");
    assert!(printed.stderr.contains(&taken), "{printed:?}");
}

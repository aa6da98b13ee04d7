//! No secret is ever written in clear: not in the database's files, not in its log, not in the sidecar's.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::scan::{Finding, Secret, scan};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::{PASSWORD, Stage};
use crier_tests::wait::{SOON, wait_for};

const WRONG_PASSWORD: &str = "wrong-canary-password-4711";
const PLANTED: &str = "planted-canary-0815-xyz";
const PUT: &str = "com.atproto.repo.putRecord";

/// The server logs every statement with every parameter: the worst case.
const TALKATIVE: &[(&str, &str)] = &[
    ("log_statement", "all"),
    ("log_min_duration_statement", "0"),
    ("log_parameter_max_length", "-1"),
    ("log_parameter_max_length_on_error", "-1"),
    ("log_min_messages", "debug1"),
    ("track_activity_query_size", "65536"),
];

/// A platform, the name of an account there, what it is connected with, and media for a post.
type Connected = (&'static str, &'static str, &'static str, &'static str);

#[tokio::test]
async fn pasted_tokens_of_other_platforms_are_nowhere_in_clear_either() {
    const OTHERS: [Connected; 3] = [
        ("mastodon", "alice", "canary-mastodon-token-1234", "[]"),
        ("x", "alice", "canary-x-access-1234:canary-x-refresh-1234", "[]"),
        (
            "instagram",
            "alice.test",
            "canary-instagram-token-1234",
            r#"[{"url": "https://media.example/a.jpg"}]"#,
        ),
    ];
    let database = Database::private_with(TALKATIVE).await;
    let (mut secrets, mut directories) = (vec![Secret::new("planted", PLANTED)], vec![]);
    for (platform, handle, secret, media) in OTHERS {
        let sim = Sim::start();
        sim.add_account(platform, handle, secret);
        let stage =
            Stage::connected_on(platform, database.clone(), handle, &sim.url_of(platform), secret).await;
        stage.without_pace().await;
        let variables = [("CRIER_LOG_LEVEL", "trace"), ("CRIER_X_CLIENT_ID", "the-app")];
        let crierd = stage.deployment.start_with(&variables).await;
        let media = serde_json::from_str(media).expect("media");
        for fault in [None, Some(Fault::ServerError), Some(Fault::Garbage), Some(Fault::DropAfterCommit)] {
            if let Some(fault) = fault {
                sim.plan(Rule::once(platform, "*", fault));
            }
            let post = stage.post_with(&format!("{fault:?} on {platform}"), &media).await;
            wait_for("the post to be published", SOON, async || {
                backdoor::age_intents(&stage.sql).await;
                backdoor::make_retries_due(&stage.sql).await;
                let target = stage.target(post).await;
                if target["state"] == "published" { Ok(()) } else { Err(target) }
            })
            .await;
        }
        crierd.terminate();
        assert!(crierd.ended().await.success());
        for (at, part) in secret.split(':').map(str::to_owned).chain(sim.issued_tokens()).enumerate() {
            secrets.push(Secret::new(&format!("token {at} of {platform}"), &part));
        }
        directories.push(stage);
    }
    directories[0].sql.run(&format!("CREATE TABLE planted AS SELECT '{PLANTED}'::text AS secret")).await;
    directories[0].sql.run("CHECKPOINT").await;
    let server = database.server();
    let (data, log) = (server.data_dir(), server.log_path());
    let mut places = vec![data.as_path(), log.as_path()];
    places.extend(directories.iter().map(|stage| stage.deployment.dir()));
    let (planted, leaked): (Vec<Finding>, Vec<Finding>) =
        scan(&places, &secrets).into_iter().partition(|finding| finding.secret == "planted");
    assert_eq!(leaked, [], "expected no token in any file");
    assert!(!planted.is_empty(), "expected what was planted to be found");
}

#[tokio::test]
async fn passwords_and_tokens_are_nowhere_in_clear() {
    let sim = Sim::start();
    let settings = [TALKATIVE, &[("shared_preload_libraries", "crier, pg_stat_statements")]].concat();
    let database = Database::private_with(&settings).await;
    database.connect().await.run("CREATE EXTENSION pg_stat_statements").await;
    let stage = Stage::on_simulator(&sim, database).await;
    // a talkative sidecar too
    let crierd = stage.deployment.start_with(&[("CRIER_LOG_LEVEL", "trace")]).await;
    for fault in
        [Fault::ExpiredToken, Fault::Unauthorized, Fault::ServerError, Fault::Garbage, Fault::DropAfterCommit]
    {
        sim.fault(PUT, fault);
        let post = stage.post(&format!("{fault:?}")).await;
        stage.published(post).await;
    }
    sim.fault("com.atproto.server.refreshSession", Fault::Garbage);
    sim.fault(PUT, Fault::ExpiredToken);
    let post = stage.post("after a refresh that can't be read").await;
    stage.published(post).await;
    let wrong =
        stage.deployment.try_add_account(stage.workspace, "alice.test", &sim.bluesky_url(), WRONG_PASSWORD);
    assert!(!wrong.status.success(), "expected a wrong password to be refused: {wrong:?}");
    // keys come while it works, and everything is sealed anew
    for command in [&["keys", "add"][..], &["keys", "rotate", "--data-keys"], &["keys", "status"]] {
        let printed = stage.deployment.run(command, "");
        assert!(printed.status.success(), "{command:?}: {printed:?}");
    }
    sim.fault(PUT, Fault::ExpiredToken);
    let post = stage.post("with a new data key").await;
    stage.published(post).await;
    assert_eq!(crierd.max_core_bytes(), "0", "expected that it leaves no core behind");
    crierd.terminate();
    assert!(crierd.ended().await.success());

    // the positive control: what is planted is found
    stage.sql.run(&format!("CREATE TABLE planted AS SELECT '{PLANTED}'::text AS secret")).await;
    stage.sql.run("CHECKPOINT").await;
    std::fs::write(stage.deployment.dir().join("printed.log"), format!("{}{}", wrong.stdout, wrong.stderr))
        .expect("a file for what was printed");

    let key = std::fs::read_to_string(stage.deployment.dir().join("crier.key")).expect("the key file");
    let keys: Vec<_> = key
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.1))
        .filter(|key| key.ends_with('='))
        .collect();
    assert_eq!(keys.len(), 2, "expected two keys in the file");
    let tokens = sim.issued_tokens();
    assert!(tokens.len() >= 4, "expected a login and a refresh, issued were {}", tokens.len());
    let mut secrets = vec![
        Secret::new("the app password", PASSWORD),
        Secret::new("a wrong password", WRONG_PASSWORD),
        Secret::new("planted", PLANTED),
    ];
    secrets.extend(keys.iter().map(|key| Secret::new("the key", key.trim_end_matches('='))));
    for (at, token) in tokens.iter().enumerate() {
        secrets.push(Secret::new(&format!("token {at}"), token));
        let signature = token.rsplit('.').next().expect("a signature");
        secrets.push(Secret::new(&format!("the signature of token {at}"), signature));
    }
    let server = stage.database.server();
    let (data, log) = (server.data_dir(), server.log_path());
    let findings = scan(&[&data, &log, stage.deployment.dir()], &secrets);
    let (planted, leaked): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.secret == "planted");
    let key_file = Finding { secret: "the key".into(), file: stage.deployment.dir().join("crier.key") };
    assert_eq!(leaked.len(), 2, "expected no secret in any file, but the keys in their own: {leaked:?}");
    assert!(leaked.iter().all(|finding| *finding == key_file), "{leaked:?}");
    let statements = stage.sql.text("SELECT string_agg(query, E'\n') FROM pg_stat_statements").await;
    assert!(statements.contains("crier.reseal("), "expected the statements of the rotation: {statements}");
    for secret in tokens.iter().map(String::as_str).chain(keys).chain([PASSWORD]) {
        assert!(!statements.contains(secret), "pg_stat_statements shows a secret");
    }
    for place in ["pg_wal", "base", "postgres.log"] {
        let found =
            planted.iter().any(|finding| finding.file.components().any(|part| part.as_os_str() == place));
        assert!(found, "expected the planted secret in {place}, found it only in {planted:?}");
    }
    assert!(server.log().contains("store_credential"), "expected the log to hold the statements");
}

#[tokio::test]
async fn no_view_of_the_server_shows_a_secret() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let _crierd = stage.deployment.start().await;
    let post = stage.post("x").await;
    stage.published(post).await;
    let shown = stage
        .sql
        .text(
            "SELECT query FROM pg_stat_activity UNION ALL SELECT coalesce(params::text, '') || coalesce(result::text, '') \
             || coalesce(error::text, '') FROM crier.jobs UNION ALL SELECT payload::text FROM crier.events \
             UNION ALL SELECT t::text FROM crier.post_target t UNION ALL SELECT a::text FROM crier.accounts a \
             UNION ALL SELECT encode(sealed, 'escape') FROM crier.credential",
        )
        .await;
    for secret in sim.issued_tokens().iter().map(String::as_str).chain([PASSWORD]) {
        assert!(!shown.contains(secret), "a secret is shown by the server");
    }
}

#[tokio::test]
async fn a_credential_opens_only_where_it_was_sealed() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    sim.add_bluesky_account("mallory.test", PASSWORD);
    let other = stage.deployment.add_account(stage.workspace, "mallory.test", &sim.bluesky_url(), PASSWORD);
    // whoever can write to the table puts one account's credential into another's row
    stage
        .sql
        .rows(
            "UPDATE crier.credential SET sealed = (SELECT sealed FROM crier.credential WHERE account_id = $1) \
             WHERE account_id = $2",
            &[&stage.account, &other],
        )
        .await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'not as alice', ARRAY[$2::uuid])";
    let post = stage.sql.value(sql, &[&stage.workspace, &other]).await;
    let target = stage.reached(post, "failed").await;
    assert!(sim.ledger().is_empty(), "expected nothing to be published: {target}");
}

//! `crierd keys rotate` while others work, and stopped anywhere.

use std::process::Stdio;

use crier_tests::call_proxy::{CallProxy, Side};
use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::Deployment;
use crier_tests::direct;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::Fault;
use crier_tests::stage::{PASSWORD, Stage, create_workspace, dummy_sealed};
use crier_tests::wait::wait_until;
use uuid::Uuid;

use super::{PUT, done, formats, make_older, wrapped};

/// More than two batches of the command.
const MANY: i32 = 120;
const BATCH: i32 = 50;

/// An installation of an older version with many accounts, whose commands go through a proxy.
async fn older(count: i32) -> (Database, crier_tests::session::Session, CallProxy, Deployment, Vec<Uuid>) {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let proxy = CallProxy::start(database.server().port());
    let deployment = Deployment::init(&database.url_through(SIDECAR_ROLE, proxy.port()));
    let accounts = direct::many_as_before(&sql, &deployment, count).await;
    (database, sql, proxy, deployment, accounts)
}

/// Kills a rotation before, or after, a call of the database.
async fn killed_at(deployment: &Deployment, proxy: &CallProxy, function: &str, nth: usize, side: Side) {
    proxy.plan(function, nth, side);
    let mut command = deployment.command();
    command.args(["keys", "rotate"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut rotation = command.spawn().expect("crierd keys rotate");
    wait_until("the number of calls held", 1, async || proxy.held()).await;
    rotation.kill().expect("a kill");
    rotation.wait().expect("an end");
    proxy.cut();
}

#[tokio::test]
async fn killed_in_the_middle_and_run_again_it_finishes() {
    let (_database, sql, proxy, deployment, _) = older(MANY).await;
    killed_at(&deployment, &proxy, "reseal", 2, Side::Before).await;
    let left = MANY - BATCH;
    assert_eq!(formats(&sql).await, format!("1 {left}, 2 {BATCH}"), "expected one batch to be stored");
    killed_at(&deployment, &proxy, "reseal", 1, Side::After).await;
    let again = done(&deployment, &["keys", "rotate"]);
    assert!(again.contains(&format!("sealed {} value(s) anew\n", left - BATCH)), "{again}");
    assert_eq!((formats(&sql).await, wrapped(&sql).await), (format!("2 {MANY}"), format!("1: {MANY}")));

    // the same with another key of the key file
    assert_eq!(done(&deployment, &["keys", "add"]), "2\n");
    killed_at(&deployment, &proxy, "rewrap_data_key", 2, Side::Before).await;
    assert_eq!(wrapped(&sql).await, format!("1: {left}, 2: {BATCH}"));
    killed_at(&deployment, &proxy, "rewrap_data_key", 1, Side::After).await;
    let again = done(&deployment, &["keys", "rotate"]);
    assert!(again.contains(&format!("wrapped {} data key(s) with key 2\n", left - BATCH)), "{again}");
    assert_eq!(wrapped(&sql).await, format!("2: {MANY}"));
    let nothing = done(&deployment, &["keys", "rotate"]);
    for line in ["wrapped 0 data", "made 0 new", "sealed 0 value", "passed over 0"] {
        assert!(nothing.contains(line), "{nothing}");
    }
    let status = done(&deployment, &["keys", "status"]);
    assert!(status.contains("key 1     older    opens nothing; it may go"), "{status}");
    assert!(status.contains(&format!("key 2     active   opens {MANY} active data key(s)")), "{status}");
    // every value still opens: a new data key for each means that each is opened and sealed anew
    let all = done(&deployment, &["keys", "rotate", "--data-keys"]);
    assert!(
        all.contains(&format!("made {MANY} new")) && all.contains(&format!("sealed {MANY} value(s)")),
        "{all}"
    );
}

#[tokio::test]
async fn what_is_stored_while_it_runs_stays() {
    let (_database, sql, proxy, deployment, accounts) = older(3).await;
    proxy.plan("reseal", 1, Side::Before);
    let mut command = deployment.command();
    let rotation =
        command.args(["keys", "rotate"]).stdout(Stdio::piped()).spawn().expect("crierd keys rotate");
    wait_until("the number of calls held", 1, async || proxy.held()).await;
    // a sidecar of an older version stores new tokens in between
    let newer = dummy_sealed();
    let stored: bool = sql.value("SELECT crier.store_credential($1, 2, $2)", &[&accounts[1], &newer]).await;
    assert!(stored);
    proxy.go_on();
    let output = rotation.wait_with_output().expect("an end");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(
        printed.contains("sealed 2 value(s) anew") && printed.contains("passed over 1 that"),
        "{printed}"
    );
    let kept: Vec<u8> =
        sql.value("SELECT sealed FROM crier.credential WHERE account_id = $1", &[&accounts[1]]).await;
    assert_eq!(kept, newer, "expected the newer tokens to stay");
    assert_eq!(formats(&sql).await, "1 1, 2 2");
}

#[tokio::test]
async fn two_rotations_at_once_do_it_once() {
    let (_database, sql, _proxy, deployment, _) = older(60).await;
    let start = || {
        let mut command = deployment.command();
        command.args(["keys", "rotate"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("crierd keys rotate")
    };
    let (one, two) = (start(), start());
    for rotation in [one, two] {
        let output = rotation.wait_with_output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!((formats(&sql).await, wrapped(&sql).await), ("2 60".into(), "1: 60".into()));
    done(&deployment, &["keys", "status"]);
}

/// Keys come and go while two sidecars publish and refresh: every post is out once, and no token is lost.
#[tokio::test]
async fn sidecars_publish_through_every_rotation() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    stage.without_pace().await;
    make_older(&sim, &stage).await;
    let other = create_workspace(&stage.sql).await;
    sim.add_bluesky_account("bob.test", PASSWORD);
    let bob = stage.deployment.add_account(other, "bob.test", &sim.bluesky_url(), PASSWORD);
    let sidecars = [stage.deployment.start().await, stage.deployment.start().await];
    let mut posts = Vec::new();
    // what runs at the same time as the posts, one after the other
    let steps: [&[&str]; 6] = [
        &["keys", "rotate"],
        &["keys", "add"],
        &["keys", "rotate"],
        &["keys", "rotate", "--data-keys"],
        &["keys", "add"],
        &["keys", "rotate", "--data-keys"],
    ];
    for (at, step) in steps.into_iter().enumerate() {
        let mut command = stage.deployment.command();
        command.args(step).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = command.spawn().expect("crierd keys");
        for n in 0..3 {
            if n == 1 {
                // new tokens are bought, sealed and stored
                sim.fault(PUT, Fault::ExpiredToken);
            }
            let text = format!("step {at}, post {n}");
            posts.push((stage.post(&text).await, text.clone()));
            let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid])";
            let text = format!("{text} of bob");
            let post: Uuid = stage.sql.value(sql, &[&other, &text, &bob]).await;
            posts.push((post, text));
        }
        for (post, _) in posts.iter().rev().take(6) {
            stage.published(*post).await;
        }
        assert!(running.wait().expect("an end").success(), "{step:?}");
    }
    for (_, text) in &posts {
        assert_eq!(sim.visible(text).len(), 1, "{text}");
    }
    let lost = "SELECT count(*) FROM crier.accounts WHERE status <> 'active'";
    assert_eq!(stage.sql.text(lost).await, "0");
    // a run after the sidecars' last store leaves nothing behind
    done(&stage.deployment, &["keys", "rotate"]);
    assert_eq!(formats(&stage.sql).await, "2 2");
    let status = done(&stage.deployment, &["keys", "status"]);
    for line in
        ["key 1     older    opens nothing", "key 2     older    opens nothing", "key 3     active   opens"]
    {
        assert!(status.contains(line), "{status}");
    }
    drop(sidecars);

    // the old keys go, and everything still works
    let path = stage.deployment.dir().join("crier.key");
    let text = std::fs::read_to_string(&path).expect("the key file");
    let last = text.lines().last().expect("a line").to_owned();
    std::fs::remove_file(&path).expect("the key file");
    std::fs::write(&path, last).expect("the key file");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o400)).expect("its mode");
    let _crierd = stage.deployment.start().await;
    let post = stage.post("with the newest key alone").await;
    stage.published(post).await;
}

/// A sidecar that runs takes a new key from the file when it meets it.
#[tokio::test]
async fn a_running_sidecar_finds_a_new_key_by_itself() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let crierd = stage.deployment.start().await;
    done(&stage.deployment, &["keys", "add"]);
    done(&stage.deployment, &["keys", "rotate"]);
    assert_eq!(wrapped(&stage.sql).await, "2: 1");
    let post = stage.post("under a key that came later").await;
    stage.published(post).await;
    assert!(crierd.log().contains("the keys have changed"), "{}", crierd.log());
}

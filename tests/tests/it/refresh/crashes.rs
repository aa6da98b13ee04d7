//! Killed at every place between the platform's answer and the database: no grant is lost except where the platform makes it
//! unavoidable, and then the account says so.

use crier_tests::call_proxy::{CallProxy, Side};
use crier_tests::hold_proxy::{HoldProxy, Interference};
use crier_tests::pds::Pds;
use crier_tests::sim::fault::{Fault, Rule};

use super::*;

const BLUESKY_REFRESH: &str = "com.atproto.server.refreshSession";

/// Kills the sidecar while the platform's answer to a refresh is on its way: the old token is used up, and nobody has the new one.
async fn killed_before_the_answer(sim: &Sim, stage: &Stage, platform: &str, call: &str) {
    sim.plan(Rule::once(platform, call, Fault::HoldAfterCommit));
    let crierd = start(stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
}

#[tokio::test]
async fn where_the_token_is_good_once_the_account_lives_on_the_old_one_and_then_says_why_it_ends() {
    let (sim, stage) = strict(Database::shared().await).await;
    killed_before_the_answer(&sim, &stage, "x", REFRESH).await;
    let _crierd = start(&stage).await;
    // asked again, it is put off to the end of the access token
    backdoor::make_refreshes_due(&stage.sql).await;
    let put_off = "SELECT refresh_at = expires_at - interval '2 minutes' AND refresh_leased_until IS NULL \
                   AND refresh_unclear_since IS NOT NULL AND refresh_failures = 0 FROM crier.credential";
    wait_until("the refresh to be put off", "t".to_owned(), async || stage.sql.text(put_off).await).await;
    publishes(&sim, &stage, "with the old token").await;
    assert_eq!(sim.calls(REFRESH), 1, "expected the used token not to be sent again");
    // its end has come: now there is nothing more to lose
    sim.platform("x").expire(HANDLE);
    let post = stage.post("waits").await;
    let status = "SELECT status FROM crier.accounts";
    wait_until("the status of the account", "reauth_required".to_owned(), async || {
        stage.sql.text(status).await
    })
    .await;
    let reason = stage.sql.text("SELECT status_reason FROM crier.accounts").await;
    assert!(reason.contains("the answer to an earlier refresh was lost"), "{reason}");
    assert_eq!(event(&stage, "token_refresh_failed").await["needs_login"], true);
    assert_eq!((sim.calls(REFRESH), sim.visible("waits").len()), (2, 0));
    assert_ne!(stage.target(post).await["state"], "failed", "expected the post to wait for the login");
}

#[tokio::test]
async fn an_answer_that_is_lost_without_a_crash_is_not_asked_for_again_either() {
    let (sim, stage) = strict(Database::shared().await).await;
    sim.plan(Rule::once("x", REFRESH, Fault::DropAfterCommit));
    let _crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    let unclear = "SELECT failed_with FROM crier.expiring_tokens WHERE refresh_unclear_since IS NOT NULL";
    wait_until("the failure", "outcome_unknown".to_owned(), async || stage.sql.text(unclear).await).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    let put_off = "SELECT refresh_at = expires_at - interval '2 minutes' FROM crier.credential";
    wait_until("the refresh to be put off", "t".to_owned(), async || stage.sql.text(put_off).await).await;
    publishes(&sim, &stage, "with the old token").await;
    assert_eq!(sim.calls(REFRESH), 1);
    assert_eq!(event(&stage, "token_refresh_failed").await["class"], "outcome_unknown");
}

#[tokio::test]
async fn where_the_token_stays_good_for_a_while_it_is_renewed_at_once() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    killed_before_the_answer(&sim, &stage, "bluesky", BLUESKY_REFRESH).await;
    let _crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "2").await;
    assert_eq!(sim.calls(BLUESKY_REFRESH), 2);
    sim.expire("alice.test");
    publishes(&sim, &stage, "with the second successor").await;
}

#[tokio::test]
async fn a_real_server_gives_the_same_answer_again() {
    let pds = Pds::shared();
    let account = pds.add_account("fresh").await;
    let proxy = HoldProxy::start(pds.url());
    let database = Database::shared().await;
    let stage = Stage::connected(database, &account.handle, &proxy.url(), &account.app_password).await;
    // lost on the way: asked for again at once
    proxy.plan(BLUESKY_REFRESH, 1, Interference::DropAnswer);
    let crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "2").await;
    assert_eq!(proxy.calls(BLUESKY_REFRESH), 2);
    // killed before it came
    proxy.plan(BLUESKY_REFRESH, 1, Interference::HoldAnswer);
    backdoor::make_refreshes_due(&stage.sql).await;
    wait_until("the number of held answers", 1, async || proxy.held()).await;
    crierd.kill();
    proxy.release();
    let _crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "3").await;
    let post = stage.post("still connected").await;
    stage.published(post).await;
    assert_eq!(pds.posts(&account.did).await.len(), 1);
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "active");
}

#[tokio::test]
async fn what_is_in_the_journal_and_not_in_the_database_is_stored_at_the_next_start() {
    let database = Database::shared().await;
    let proxy = CallProxy::start(database.server().port());
    let url = database.url_through(SIDECAR_ROLE, proxy.port());
    let (sim, stage) = strict_by(database, &url).await;
    proxy.plan("store_credential", 1, Side::Before);
    let crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    wait_until("the number of held calls", 1, async || proxy.held()).await;
    assert_eq!((journal(&stage).len(), generation(&stage).await.as_str()), (1, "1"));
    no_token_is_told(&sim, &stage);
    crierd.kill();
    proxy.cut();
    backdoor::lapse_refreshes(&stage.sql).await;
    let _crierd = start(&stage).await;
    reaches(&stage, "2").await;
    wait_until("the records of the journal", 0, async || journal(&stage).len()).await;
    publishes(&sim, &stage, "with the token of the journal").await;
    assert_eq!(sim.calls(REFRESH), 1, "expected nothing to be bought twice");
    // and it buys the next one
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "3").await;
}

#[tokio::test]
async fn a_database_that_is_away_after_the_answer_gets_it_later() {
    let (sim, mut stage) = strict(Database::private().await).await;
    sim.plan(Rule::once("x", REFRESH, Fault::HoldAfterCommit));
    let crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    stage.database.server().stop("immediate");
    sim.release();
    wait_until("the records of the journal", 1, async || journal(&stage).len()).await;
    // it is safe there, so the process may end
    crierd.terminate();
    assert!(crierd.ended().await.success());
    assert_eq!(journal(&stage).len(), 1);
    stage.database.server().start();
    stage.reconnect().await;
    assert_eq!(generation(&stage).await, "1");
    let _crierd = start(&stage).await;
    reaches(&stage, "2").await;
    publishes(&sim, &stage, "after all").await;
    assert_eq!((sim.calls(REFRESH), journal(&stage).len()), (1, 0));
}

/// Has a sidecar renew the token, and takes the database away before the answer comes; ends when the log says this.
async fn bought_without_a_database(
    sim: &Sim,
    stage: &Stage,
    variables: &[(&str, &str)],
    said: &'static str,
) -> Crierd {
    sim.plan(Rule::once("x", REFRESH, Fault::HoldAfterCommit));
    backdoor::make_refreshes_due(&stage.sql).await;
    let crierd = start_with(stage, variables).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    stage.database.server().stop("immediate");
    sim.release();
    wait_until(said, true, async || crierd.log().contains(said)).await;
    crierd
}

/// Nothing but a job that needs them looks for them.
const QUIET: (&str, &str) = ("CRIER_REFRESH_EVERY", "1h");

#[tokio::test]
async fn who_needs_tokens_that_wait_in_the_journal_takes_them_and_buys_none() {
    let (sim, mut stage) = strict(Database::private().await).await;
    // what is stored is refused from now on; what it buys is not
    sim.platform("x").expire(HANDLE);
    let said = "refreshed tokens wait in the journal";
    let _crierd = bought_without_a_database(&sim, &stage, &[QUIET], said).await;
    stage.database.server().start();
    stage.reconnect().await;
    assert_eq!((generation(&stage).await.as_str(), journal(&stage).len()), ("1", 1));
    // as if the database had been away for as long as the right to refresh lasts
    backdoor::lapse_refreshes(&stage.sql).await;
    publishes(&sim, &stage, "with the token of the journal").await;
    assert_eq!((sim.calls(REFRESH), generation(&stage).await.as_str()), (1, "2"));
    assert_eq!(journal(&stage).len(), 0);
}

#[tokio::test]
async fn what_waits_in_the_journal_is_stored_when_the_database_is_back() {
    let (sim, mut stage) = strict(Database::private().await).await;
    let said = "refreshed tokens wait in the journal";
    let _crierd = bought_without_a_database(&sim, &stage, &[], said).await;
    stage.database.server().start();
    stage.reconnect().await;
    reaches(&stage, "2").await;
    wait_until("the records of the journal", 0, async || journal(&stage).len()).await;
    publishes(&sim, &stage, "after all").await;
    assert_eq!(sim.calls(REFRESH), 1);
}

#[tokio::test]
async fn without_a_journal_what_was_bought_is_kept_until_it_is_stored() {
    let (sim, mut stage) = strict(Database::private().await).await;
    let variables = [QUIET, ("CRIER_REFRESH_JOURNAL", "none")];
    let crierd = bought_without_a_database(&sim, &stage, &variables, "are in memory only").await;
    // also while it ends
    crierd.terminate();
    stage.database.server().start();
    stage.reconnect().await;
    reaches(&stage, "2").await;
    assert!(crierd.ended().await.success());
    let _crierd = start_with(&stage, &variables).await;
    publishes(&sim, &stage, "after all").await;
    assert_eq!(sim.calls(REFRESH), 1);
}

#[tokio::test]
async fn a_sidecar_that_stays_up_stores_them_when_the_database_is_back() {
    let (sim, mut stage) = strict(Database::private().await).await;
    sim.plan(Rule::once("x", REFRESH, Fault::HoldAfterCommit));
    let _crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    stage.database.server().stop("immediate");
    sim.release();
    wait_until("the records of the journal", 1, async || journal(&stage).len()).await;
    stage.database.server().start();
    stage.reconnect().await;
    reaches(&stage, "2").await;
    wait_until("the records of the journal", 0, async || journal(&stage).len()).await;
    assert_eq!(sim.calls(REFRESH), 1);
}

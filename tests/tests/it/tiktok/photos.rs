//! Photos, of which only the answer has the id.

use super::*;

#[tokio::test]
async fn photos_whose_answer_is_lost_are_found_in_the_list() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    for fault in [Fault::DropAfterCommit, Fault::Garbage, Fault::ServerErrorAfterCommit] {
        sim.plan(Rule::once("tiktok", INIT, fault));
        let text = format!("{fault:?}");
        let album = json!({"privacy_level": "PUBLIC_TO_EVERYONE", "title": "A title"});
        let post = post(&stage, &text, &photos(), album).await;
        stage.published_once(&sim, post, &text).await;
    }
    assert_eq!((sim.calls(INIT), sim.calls(LIST)), (3, 3), "expected a look and no second send");
}

#[tokio::test]
async fn where_nobody_can_tell_a_person_is_asked() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    for (text, settings, fault) in [
        ("never there", to_all(), Fault::DropBeforeCommit),
        ("in no list", json!({"privacy_level": "SELF_ONLY"}), Fault::DropAfterCommit),
        ("a draft", json!({"draft": true}), Fault::DropAfterCommit),
    ] {
        sim.plan(Rule::once("tiktok", INIT, fault));
        let before = sim.calls(INIT);
        let post = post(&stage, text, &photos(), settings).await;
        let target = stage.ended(post).await;
        assert_eq!(target["state"], "unconfirmed", "{text}: {target}");
        assert_eq!(sim.calls(INIT) - before, 1, "{text}: expected nothing to be sent again");
    }
    assert_eq!(sim.ledger().len(), 2);
}

#[tokio::test]
async fn two_posts_of_the_same_words_are_told_apart() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    let first = post(&stage, "the same", &photos(), to_all()).await;
    stage.published(first).await;
    sim.plan(Rule::once("tiktok", INIT, Fault::DropAfterCommit));
    let second = post(&stage, "the same", &photos(), to_all()).await;
    let target = stage.published(second).await;
    let there = sim.visible("the same");
    assert_eq!((there.len(), &target["external_id"]), (2, &json!(there[1].key)), "{target}");
    // one that never came is not taken for one of them
    sim.plan(Rule::once("tiktok", INIT, Fault::DropBeforeCommit));
    let third = post(&stage, "the same", &photos(), to_all()).await;
    assert_eq!(stage.ended(third).await["state"], "unconfirmed");
}

#[tokio::test]
async fn killed_while_photos_are_fetched() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("tiktok", INIT, Fault::HoldAfterCommit));
    let crierd = start(&stage).await;
    let post = post(&stage, "held", &photos(), to_all()).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = start(&stage).await;
    stage.published_once(&sim, post, "held").await;
    assert_eq!(sim.calls(INIT), 1);
}

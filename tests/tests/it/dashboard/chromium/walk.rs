//! From signing in to what is published, and what a person does when it goes wrong.

use std::time::Duration;

use crier_tests::crierd::Crierd;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use super::super::publishing::{LOOK, PUT, at_work_as};
use super::{Person, button, link};

/// Whether the list of posts shows one that is canceled.
const SHOWN: &str = "return document.querySelector('.cards').innerText.includes('canceled')";

/// Within this a page hears of something. One that hears nothing renews itself every minute.
const HEARD: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_post_is_planned_by_hand_and_seen_to_come_out() {
    let sim = Sim::start();
    let (stage, _crierd, url) = at_work_as(&sim).await;
    let person = Person::new(&url, &stage.sql, stage.workspace, "editor").await;
    person.reads("Nothing needs you.").await;
    // it is sent, and its answer held back
    sim.plan(Rule::once("bluesky", PUT, Fault::HoldAfterCommit));
    person.click(&link("New post")).await;
    person.write("#content", "Good <morning> & more").await;
    person.click(&format!("label[for='account-{}']", stage.account)).await;
    person.click(&button("Make the post")).await;
    person.reads("The post is planned.").await;
    wait_until("the answers that are held", 1, async || sim.held()).await;
    let page = person.url().await;
    person.go(page.split('?').next().unwrap_or_default()).await;
    person.reads("being sent").await;
    person.mark().await;
    person.looks_once().await;
    sim.release();
    // by itself, and sooner than a page renews itself that hears nothing
    timeout(HEARD, person.reads("See it there")).await.expect("the page to hear of it");
    assert!(person.has_stayed().await, "expected the page to renew itself");
    assert_eq!(sim.visible("Good <morning> & more").len(), 1, "{:?}", sim.ledger());
    assert_eq!(person.count("#live morning").await, 0, "expected what was written to be text");
    person.is_content().await;
}

/// Somebody who looks at the list of posts, in which there is one.
async fn before_a_list(sim: &Sim) -> (Stage, Crierd, Person, Uuid) {
    let (stage, crierd, url) = at_work_as(sim).await;
    let person = Person::new(&url, &stage.sql, stage.workspace, "editor").await;
    let sql = "SELECT crier.create_post($1, 'a plan', ARRAY[$2::uuid], scheduled_at => '2030-06-03 09:30Z')";
    let post = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    person.goes("/posts").await;
    person.looks_once().await;
    (stage, crierd, person, post)
}

#[tokio::test]
async fn what_happens_while_somebody_writes_is_shown_once_they_are_done() {
    let sim = Sim::start();
    let (stage, _crierd, person, post) = before_a_list(&sim).await;
    person.mark().await;
    person.write("#search", "half a word").await;
    let listen = "const stream = new EventSource(document.getElementById('live').dataset.live); \
         stream.addEventListener('looked', () => { window.listens = true }); \
         stream.addEventListener('changed', () => { window.heard ??= performance.now() })";
    person.run(listen, &[]).await;
    let is = async |script: &str| person.run(&format!("return {script}"), &[]).await;
    wait_until("whatever happens to be told", json!(true), async || is("window.listens === true").await)
        .await;
    stage.sql.text(&format!("SELECT crier.cancel_post('{post}')")).await;
    // longer than a page waits that has heard of something
    let passed = "performance.now() - window.heard > 1500";
    wait_until("the page to have heard of it", json!(true), async || is(passed).await).await;
    assert_eq!(person.run(SHOWN, &[]).await, json!(false));
    assert_eq!(is("document.getElementById('search').value").await, json!("half a word"));
    person.write("#search", "").await;
    person.click("h1").await;
    let shown = wait_until("what is canceled", json!(true), async || person.run(SHOWN, &[]).await);
    timeout(HEARD, shown).await.expect("the page to be renewed afterwards");
    assert!(person.has_stayed().await, "expected the page to renew itself");
}

#[tokio::test]
async fn a_page_that_got_no_answer_asks_again() {
    let sim = Sim::start();
    let (stage, _crierd, person, post) = before_a_list(&sim).await;
    let unanswered = "const fetched = window.fetch; \
         window.fetch = async () => { window.fetch = fetched; return new Response('', { status: 503 }) }";
    person.run(unanswered, &[]).await;
    stage.sql.text(&format!("SELECT crier.cancel_post('{post}')")).await;
    let shown = wait_until("what is canceled", json!(true), async || person.run(SHOWN, &[]).await);
    timeout(HEARD, shown).await.expect("the page to ask again");
}

#[tokio::test]
async fn a_post_is_dragged_to_another_day() {
    let sim = Sim::start();
    let (stage, _crierd, url) = at_work_as(&sim).await;
    let person = Person::new(&url, &stage.sql, stage.workspace, "editor").await;
    let sql = "SELECT crier.create_post($1, 'drag me', ARRAY[$2::uuid], scheduled_at => '2030-06-03 09:30Z')";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    person.goes("/calendar?view=week&day=2030-06-03").await;
    person.drag(&format!("[data-post='{post}']"), "[data-day='2030-06-06']").await;
    person.reads("The post is planned for that time.").await;
    person.sees(&format!("[data-day='2030-06-06'] [data-post='{post}']")).await;
    let at = format!("SELECT scheduled_at AT TIME ZONE 'UTC' FROM crier.post WHERE id = '{post}'");
    assert_eq!(stage.sql.text(&at).await, "2030-06-06 09:30:00");
    person.is_content().await;
}

#[tokio::test]
async fn what_is_unconfirmed_and_what_was_given_up_is_settled() {
    let sim = Sim::start();
    let (stage, _crierd, url) = at_work_as(&sim).await;
    let person = Person::new(&url, &stage.sql, stage.workspace, "editor").await;
    person.looks_once().await;
    sim.fault(PUT, Fault::DropBeforeCommit);
    sim.plan(Rule::once("bluesky", LOOK, Fault::ServerError).times(100));
    let post = stage.post("is it there?").await;
    assert_eq!(stage.ended(post).await["state"], "unconfirmed");
    // nobody has gone to the inbox again since it was empty
    timeout(HEARD, person.reads("Is it there?")).await.expect("the page to hear of it");
    sim.forget_faults();
    person.click(&button("It is not there")).await;
    person.agree().await;
    person.reads("Thank you: it is noted.").await;
    stage.published(post).await;
    assert_eq!((sim.visible("is it there?").len(), sim.calls(PUT)), (1, 2));

    sim.fault(PUT, Fault::NulError);
    let dead = stage.post("try me").await;
    assert_eq!(stage.ended(dead).await["state"], "failed");
    person.click(&link("Queue")).await;
    person.click(&button("Try again")).await;
    person.reads("The job is tried again.").await;
    stage.published(dead).await;
    assert_eq!(sim.visible("try me").len(), 1);
    wait_for("nothing to be given up any more", SOON, async || {
        let seen = person.text().await;
        if seen.contains("Given up\nNone.") || seen.contains("Given up\n\nNone.") {
            Ok(())
        } else {
            Err(seen)
        }
    })
    .await;
    person.is_content().await;
}

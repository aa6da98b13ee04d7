//! From a form to the platform, and what a person does when it goes wrong.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::crierd::Crierd;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use reqwest::header::LOCATION;
use uuid::Uuid;

use super::{Member, serve};

pub(super) const PUT: &str = "com.atproto.repo.putRecord";
pub(super) const LOOK: &str = "com.atproto.repo.getRecord";

/// A workspace with an account whose posts go out, and where its dashboard is.
pub(super) async fn at_work_as(sim: &Sim) -> (Stage, Crierd, String) {
    let stage = Stage::on_simulator(sim, Database::shared().await).await;
    stage.without_pace().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    let (crierd, url) = serve(&stage.database, &stage.sql, &stage.deployment).await;
    (stage, crierd, url)
}

pub(super) async fn at_work(sim: &Sim) -> (Stage, Crierd, Member) {
    let (stage, crierd, url) = at_work_as(sim).await;
    let member = Member::new(&url, &stage.sql, stage.workspace, "editor").await;
    (stage, crierd, member)
}

/// Makes a post by the form; the way to it.
async fn write(member: &Member, account: Uuid, text: &str) -> (Uuid, String) {
    let fields = [("content", text), ("account", &account.to_string()), ("when", "now")];
    let made = member.post(&member.path("/posts"), &fields).await;
    made.is(303);
    let (page, done) = made.header(LOCATION).split_once('?').unwrap_or_default();
    assert_eq!(done, "done=planned");
    let page = page.strip_prefix(&member.path("")).expect("a page of the workspace");
    let id = page.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an id");
    (id, page.to_owned())
}

#[tokio::test]
async fn what_is_written_in_the_form_is_published() {
    let sim = Sim::start();
    let (stage, _crierd, member) = at_work(&sim).await;
    let text = "Hello from a <form> & \"more\"";
    member.page("/posts/new").await.is(200).has("alice.test").has("Make the post");
    let (post, page) = write(&member, stage.account, text).await;
    stage.published(post).await;
    assert_eq!(sim.visible(text).len(), 1, "{:?}", sim.ledger());
    let shown = member.sees(&page, "See it there").await;
    shown.has("Published").has("Hello from a &lt;form&gt; &amp;").has_not("<form>").has("alice.test");
    member.page("/posts?state=published").await.has("&lt;form&gt;");
    member.page("/posts?state=failed").await.has("There are none.");
    member.page("/calendar").await.is(200).has("&lt;form&gt;");
    member.page("/queue").await.is(200).has("published");
    // the author is whoever wrote it
    let author: Option<Uuid> =
        stage.sql.value("SELECT author_id FROM crier.post WHERE id = $1", &[&post]).await;
    assert!(author.is_some());
}

#[tokio::test]
async fn what_sql_refuses_stands_at_its_field() {
    let sim = Sim::start();
    let (stage, _crierd, member) = at_work(&sim).await;
    let (account, long) = (stage.account.to_string(), "long ".repeat(100));
    let path = member.path("/posts");
    let refused = member.post(&path, &[("content", &long), ("account", &account), ("when", "now")]).await;
    refused.is(422).has("id=\"content-problem\">bluesky: alice.test: ").has("long long").has("checked");
    let nobody = Uuid::new_v4().to_string();
    let refused = member.post(&path, &[("content", "x"), ("account", &nobody), ("when", "now")]).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    refused.has("The post was not made.");
    let late = [("content", "x"), ("account", &account), ("when", "at"), ("at", "1999-01-01T00:00")];
    member.post(&path, &late).await.is(422).has("id=\"at-problem\"");
    let unread = [("content", "x"), ("account", &account), ("when", "at"), ("at", "soon")];
    member.post(&path, &unread).await.is(422).has("id=\"at-problem\"").has("is no time");
    let posts: i64 = stage.sql.value("SELECT count(*) FROM crier.post", &[]).await;
    assert_eq!(posts, 0);
}

#[tokio::test]
async fn a_person_says_that_it_is_not_there_and_it_is_sent_again() {
    let sim = Sim::start();
    let (stage, _crierd, member) = at_work(&sim).await;
    sim.fault(PUT, Fault::DropBeforeCommit);
    sim.plan(Rule::once("bluesky", LOOK, Fault::ServerError).times(100));
    let (post, page) = write(&member, stage.account, "is it there?").await;
    assert_eq!(stage.ended(post).await["state"], "unconfirmed");
    let inbox = member.page("").await;
    inbox
        .has("Is it there?")
        .has("is it there?")
        .has("It is not there")
        .has("Nobody knows whether the platform has it");
    sim.forget_faults();
    let target = inbox.field("target");
    let said = member
        .act("resolve", &[("target", &target), ("outcome", "absent"), ("back", &member.path(""))])
        .await;
    assert_eq!(
        (said.status, said.header(LOCATION)),
        (303, format!("{}?done=resolved", member.path("")).as_str())
    );
    stage.published(post).await;
    assert_eq!((sim.visible("is it there?").len(), sim.calls(PUT)), (1, 2));
    member.page(&page).await.has("See it there").has("Said not to be there");
    member.page("").await.has("Nothing needs you.");
    // nobody says it twice
    member.act("resolve", &[("target", &target), ("outcome", "absent")]).await.is(422).has("Not done");
}

#[tokio::test]
async fn what_failed_is_in_the_inbox_and_is_tried_again() {
    let sim = Sim::start();
    let (stage, _crierd, member) = at_work(&sim).await;
    sim.fault(PUT, Fault::NulError);
    let (post, page) = write(&member, stage.account, "try me").await;
    assert_eq!(stage.ended(post).await["state"], "failed");
    member.page("").await.has("Not published").has("try me").has("Try again now");
    let again = member.act("retry", &[("post", &post.to_string()), ("back", &member.path(&page))]).await;
    assert_eq!(again.header(LOCATION), format!("{}?done=retried", member.path(&page)));
    stage.published(post).await;
    member
        .page(&format!("{page}?done=retried"))
        .await
        .has("It is tried again.")
        .has("Tried again")
        .has("See it there");
    assert_eq!(sim.visible("try me").len(), 1);
}

#[tokio::test]
async fn a_post_is_moved_copied_and_canceled() {
    let sim = Sim::start();
    let (stage, _crierd, member) = at_work(&sim).await;
    let account = stage.account.to_string();
    let fields = [
        ("content", "later"),
        ("account", &account),
        ("when", "at"),
        ("at", "2030-06-03T09:00"),
        ("tags", "a, b"),
    ];
    let made = member.post(&member.path("/posts"), &fields).await;
    made.is(303);
    let page = made.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
    let id = page.rsplit('/').next().unwrap_or_default().to_owned();
    let week = "/calendar?view=week&day=2030-06-05";
    let shown = member.page(week).await;
    shown.has("data-day=\"2030-06-03\"").has(&format!("data-post=\"{id}\"")).has("later");
    let back = member.path(week);
    member.act("reschedule", &[("post", &id), ("at", "2030-06-06T10:30"), ("back", &back)]).await.is(303);
    member.page(week).await.has("10:30").has_not("09:00</time>");
    let at: String = stage
        .sql
        .text(&format!("SELECT scheduled_at AT TIME ZONE 'UTC' FROM crier.post WHERE id = '{id}'"))
        .await;
    assert_eq!(at, "2030-06-06 10:30:00");
    member.act("reschedule", &[("post", &id), ("at", "soon")]).await.is(400).has("is no time");
    let copied = member.act("duplicate", &[("post", &id)]).await;
    let copy = copied.header(LOCATION).to_owned();
    assert!(copied.status == 303 && !copy.contains(&id) && copy.ends_with("?done=duplicated"), "{copied:?}");
    member.get(&copy).await.is(200).has("later").has("draft");
    member.act("cancel", &[("post", &id)]).await.is(303);
    member.get(&page).await.has("canceled");
    member.act("delete", &[("post", &id)]).await.is(303);
    member.get(&page).await.is(404);
    backdoor::make_all_due(&stage.sql).await;
    assert!(sim.ledger().is_empty(), "{:?}", sim.ledger());
}

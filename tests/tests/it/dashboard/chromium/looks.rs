//! How the pages look, by day and by night, on a computer and on a phone: kept as pictures, and looked at by what finds that people can't
//! use a page.

use std::path::{Path, PathBuf};

use crier_tests::chromium::{COMPUTER, Chromium, PHONE};
use crier_tests::npm;
use crier_tests::sim::Sim;
use serde_json::{Value, json};

use super::super::publishing::at_work_as;
use super::{Person, button, text_of};
use crate::dashboard::chromium::looks::shop::Shop;
use crate::operator;

mod shop;

/// Where the pictures are.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots")
}

fn axe() -> String {
    let file = npm::install("axe", "axe-core").join("node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What it finds that keeps people from using a page. By the driver: the page's policy lets no other script in.
async fn violations(person: &Chromium) -> Vec<String> {
    let script = "return axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations \
         .filter((one) => ['serious', 'critical'].includes(one.impact)) \
         .map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html + ' ' + node.failureSummary).join(' | ')}`))";
    let found = person.run(script, &[]).await;
    found.as_array().into_iter().flatten().map(text_of).collect()
}

/// Looks at the page of this name; gives what is wrong with it.
async fn look(person: &Chromium, axe: &str, name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    person.run(axe, &[]).await;
    for (screen, held) in [(COMPUTER, "computer"), (PHONE, "phone")] {
        for (dark, scheme) in [(false, "light"), (true, "dark")] {
            person.look(screen, dark).await;
            let mut found = violations(person).await;
            let width = person.run("return [document.scrollingElement.scrollWidth, innerWidth]", &[]).await;
            if width[0] != width[1] {
                found.push(format!("it is {} wide", width[0]));
            }
            wrong.extend(found.into_iter().map(|one| format!("{name}, {held}, {scheme}: {one}")));
            person.picture(&pictures().join(format!("{name}-{held}-{scheme}.png"))).await;
        }
    }
    person.look(COMPUTER, false).await;
    wrong
}

#[tokio::test]
async fn every_page_can_be_used_by_everybody() {
    let axe = axe();
    let sim = Sim::start();
    let (stage, _crierd, url) = at_work_as(&sim).await;
    let shop = Shop::open(&stage, &sim).await;
    let person = Person::new(&url, &stage.sql, stage.workspace, "owner").await;
    let mut wrong = Vec::new();
    for (name, page) in shop.pages() {
        person.goes(&page).await;
        wrong.extend(look(&person, &axe, name).await);
    }
    // forms that were not accepted
    person.goes("/posts/new").await;
    person.write("#content", &"Much too long. ".repeat(40)).await;
    person.click(&format!("label[for='account-{}']", stage.account)).await;
    person.click("//button[normalize-space(.) = 'Make the post']").await;
    person.reads("too long").await;
    wrong.extend(look(&person, &axe, "new-post-refused").await);
    person.goes("/schedules/new").await;
    person.click("//button[normalize-space(.) = 'Show the coming times']").await;
    person.sees("#preview").await;
    wrong.extend(look(&person, &axe, "new-schedule-preview").await);
    person.complaints_of_the_form().await;
    person.devtools("Network.clearBrowserCookies", json!({})).await;
    person.go(&format!("{}/dashboard/sign-in", person.url)).await;
    wrong.extend(look(&person, &axe, "sign-in").await);
    person.go(&format!("{}/dashboard/nowhere", person.url)).await;
    assert!(!person.complaints().await.is_empty(), "expected a browser to tell of a page that is not there");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_page_for_operators_can_be_used_by_everybody() {
    let axe = axe();
    let (_sim, stage, crierd) = operator::staged(&[]).await;
    operator::trouble(&stage).await;
    let chromium = Chromium::start().await;
    let at =
        crierd.url().replace("http://127.0.0.1", &format!("http://operator:{}@localhost", operator::KEY));
    chromium.go(&format!("{at}/operator")).await;
    chromium.reads("Pauses, breakers and blocks").await;
    let wrong = look(&chromium, &axe, "operator").await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    // by hand: what is held up goes on, and the page hears of what happens elsewhere without being loaded anew
    chromium.click(&format!("//li[contains(., 'a.example')]{}", button("Let it go on"))).await;
    chromium.reads("The server is asked again.").await;
    chromium.run("window.stayed = true", &[]).await;
    // it is not renewed under a mouse that is at a button
    chromium.click("h1").await;
    stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'like')", stage.account)).await;
    chromium.reads("Nothing is held up.").await;
    assert_eq!(chromium.run("return window.stayed === true", &[]).await, json!(true));
    let complaints = chromium.complaints().await;
    assert!(complaints.is_empty(), "{complaints:#?}");
    // what can't be renewed any more is not shown as if it were
    drop(crierd);
    chromium.reads("Not renewed since").await;
    assert!(chromium.text().await.contains("Nothing is held up."), "expected the page to stay");
}

impl Person {
    /// Of a form that was refused a browser tells that its answer was none: nothing else may be there.
    async fn complaints_of_the_form(&self) {
        let all = self.complaints().await;
        let (refused, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|one| one.contains("status of 422"));
        assert_eq!((refused.len(), others), (1, Vec::new()));
    }
}

/// The control: it finds what is wrong, and so does the log.
#[tokio::test]
async fn what_nobody_can_use_or_is_forbidden_is_found() {
    let axe = axe();
    let sim = Sim::start();
    let (stage, _crierd, url) = at_work_as(&sim).await;
    let person = Person::new(&url, &stage.sql, stage.workspace, "viewer").await;
    person.run(&axe, &[]).await;
    assert_eq!(violations(&person).await, Vec::<String>::new());
    let break_it =
        "const field = document.createElement('input'); document.querySelector('main').append(field)";
    person.run(break_it, &[]).await;
    let found = violations(&person).await;
    assert!(found.iter().any(|one| one.starts_with("label:")), "{found:?}");
    person.is_content().await;
    let forbidden = "const script = document.createElement('script'); script.textContent = 'window.got = 1'; \
         document.body.append(script); return window.got ?? null";
    assert_eq!(person.run(forbidden, &[]).await, Value::Null);
    let complaints = person.complaints().await;
    assert!(complaints.iter().any(|one| one.contains("policy: script-src")), "{complaints:?}");
}

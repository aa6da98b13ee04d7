//! Without a mouse.

use crier_tests::chromium::keys::{ENTER, SPACE, TAB};
use crier_tests::sim::Sim;
use serde_json::json;

use super::super::publishing::at_work_as;
use super::{Person, text_of};

/// No page has more that can be reached.
const MOST: usize = 80;
/// What has the focus: whether it is what is looked for, what it is, and whether it is seen to have it. Of a field of a time one
/// part has it, which the browser shows by itself.
const FOCUSED: &str = "const at = document.activeElement; const style = getComputedStyle(at); \
     return [at.matches(arguments[0]), at.outerHTML.slice(0, 200), at === document.body || at.type === 'datetime-local' || style.outlineStyle !== 'none']";

/// Goes on by the Tab key until something has the focus.
async fn tab_to(person: &Person, css: &str) {
    let mut passed = Vec::new();
    for _ in 0..MOST {
        person.press(TAB).await;
        let at = person.run(FOCUSED, &[json!(css)]).await;
        assert_eq!(at[2], json!(true), "nobody sees that it has the focus: {}", at[1]);
        if at[0] == json!(true) {
            return;
        }
        passed.push(text_of(&at[1]));
    }
    panic!("{css} can't be reached: {passed:#?}");
}

#[tokio::test]
async fn a_post_is_planned_by_keyboard_alone() {
    let sim = Sim::start();
    let (stage, _crierd, url) = at_work_as(&sim).await;
    let person = Person::new(&url, &stage.sql, stage.workspace, "editor").await;
    person.goes("").await;
    // past the way to the other pages
    person.press(TAB).await;
    person.press(ENTER).await;
    tab_to(&person, "main a.button").await;
    person.press(ENTER).await;
    person.is_at("/posts/new").await;
    tab_to(&person, "#content").await;
    person.press("By keyboard").await;
    tab_to(&person, &format!("#account-{}", stage.account)).await;
    person.press(SPACE).await;
    tab_to(&person, ".compose > .acts button").await;
    person.press(ENTER).await;
    person.reads("The post is planned.").await;
    person.reads("See it there").await;
    assert_eq!(sim.visible("By keyboard").len(), 1, "{:?}", sim.ledger());
    person.is_content().await;
}

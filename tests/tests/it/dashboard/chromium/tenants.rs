//! What members of other workspaces, and viewers, find in a browser.

use serde_json::json;

use super::super::tenants::{CANARY, OTHER, pages, two};
use super::Person;

#[tokio::test]
async fn each_tenant_sees_only_their_own_and_viewers_change_nothing() {
    let two = two().await;
    for (ours, own, others) in [(&two.ours, CANARY, OTHER), (&two.theirs, OTHER, CANARY)] {
        let person = Person::of(&two.url, ours.workspace, ours.members[3].1).await;
        for page in pages(ours) {
            person.goes(&page).await;
            let text = person.run("return document.documentElement.outerHTML", &[]).await.to_string();
            assert!(text.contains(own) && !text.contains(others), "{page}: {text}");
        }
        person.is_content().await;
        // the same browser, with a viewer at it
        person.devtools("Network.clearBrowserCookies", json!({})).await;
        person.sign_in(ours.members[0].1).await;
        for page in pages(ours).iter().filter(|page| !page.ends_with("/activity")) {
            person.goes(page).await;
            assert_eq!(person.count("main form[method=post], main [draggable=true]").await, 0, "{page}");
        }
        assert_eq!(person.count("nav a[href$='/activity']").await, 0);
        person.is_content().await;
    }
}

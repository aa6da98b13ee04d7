//! Members see what is their workspace's, and strangers nothing of it.

use std::collections::BTreeSet;

use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::{Crierd, Deployment};
use crier_tests::session::Session;
use uuid::Uuid;

use super::{Browser, Member, serve};
use crate::tenancy::app_role;
use crate::tenancy::filled::Filled;

pub(super) const CANARY: &str = "c4n4ry";
pub(super) const OTHER: &str = "0ther";

/// Two tenants with everything, and a dashboard. No work is handed out: all stays as it is.
pub(super) struct Two {
    _deployment: Deployment,
    _crierd: Crierd,
    pub(super) sql: Session,
    pub(super) ours: Filled,
    pub(super) theirs: Filled,
    pub(super) url: String,
}

pub(super) async fn two() -> Two {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let role = app_role(&sql).await;
    let ours = Filled::new(&database, &sql, &role, CANARY).await;
    let theirs = Filled::new(&database, &sql, &role, OTHER).await;
    sql.run("UPDATE crier.installation SET system_identifier = '1'").await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let (crierd, url) = serve(&database, &sql, &deployment).await;
    Two { _deployment: deployment, _crierd: crierd, sql, ours, theirs, url }
}

/// A member of a tenant, by the place of the role: viewer, editor, admin, owner.
pub(super) async fn member(url: &str, of: &Filled, role: usize) -> Member {
    Member { browser: Browser::of(url, of.members[role].1).await, workspace: of.workspace }
}

/// Every page, as it is for a tenant.
pub(super) fn pages(of: &Filled) -> Vec<String> {
    let name = |name: &str| of.names[name].clone();
    let mut all: Vec<String> =
        ["", "/posts", "/posts?search=waits", "/posts/new", "/accounts", "/queue", "/schedules"]
            .map(str::to_owned)
            .into();
    all.extend(["POST", "DRAFT", "REVIEWED", "LOST"].map(|post| format!("/posts/{}", name(post))));
    all.push(format!("/accounts/{}", name("ACC")));
    all.push(format!("/schedules/{}", name("SCHEDULE")));
    all.push(format!("/schedules/{}/change", name("SCHEDULE")));
    all.extend(
        ["/schedules/new", "/calendar", "/calendar?view=month", "/analytics", "/activity"].map(str::to_owned),
    );
    all
}

#[tokio::test]
async fn strangers_see_nothing_of_a_workspace() {
    let two = two().await;
    let (owner, stranger) = (member(&two.url, &two.ours, 3).await, member(&two.url, &two.theirs, 3).await);
    let ids: BTreeSet<&String> = two.ours.names.values().filter(|id| id.len() == 36).collect();
    for page in pages(&two.ours) {
        // the control: whom it belongs to sees it
        owner.page(&page).await.is(200).has(CANARY);
        // neither under our workspace nor under their own
        let asked = stranger.get(&owner.path(&page)).await;
        asked.is(404).has_not(CANARY);
        let asked = stranger.page(&page).await;
        assert!([200, 404].contains(&asked.status), "{page}: {asked:?}");
        asked.has_not(CANARY);
        for id in ids.iter().filter(|id| !page.contains(id.as_str())) {
            asked.has_not(id);
        }
    }
}

#[tokio::test]
async fn what_is_of_another_of_ones_workspaces_is_under_its_own_address_alone() {
    let two = two().await;
    let both = member(&two.url, &two.ours, 3).await;
    let add =
        format!("SELECT crier.add_member('{}', '{}', 'viewer')", two.theirs.workspace, two.ours.members[3].1);
    two.sql.text(&add).await;
    both.get("/dashboard").await.is(200).has(CANARY).has("0ther");
    for page in [
        format!("/posts/{}", two.theirs.names["POST"]),
        format!("/accounts/{}", two.theirs.names["ACC"]),
        format!("/schedules/{}", two.theirs.names["SCHEDULE"]),
    ] {
        both.page(&page).await.is(404).has_not("0ther");
        both.get(&format!("/dashboard/w/{}{page}", two.theirs.workspace)).await.is(200).has("0ther");
    }
    assert_ne!(two.theirs.workspace, Uuid::nil());
}

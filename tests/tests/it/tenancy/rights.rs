//! The table of rights holds: every function, called by a member of every role.

use std::collections::BTreeSet;

use crier_core::rights::{FOR_WORKERS, FUNCTIONS, Needs, Role};
use crier_tests::cluster::Database;

use super::app_role;
use super::calls::CALLS;
use super::filled::Filled;

/// The functions that application users may call, by the catalogue.
pub(super) const GRANTED: &str = "SELECT DISTINCT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'crier'::regnamespace \
     AND has_function_privilege('crier_app', p.oid, 'EXECUTE') ORDER BY 1";

#[tokio::test]
async fn every_function_asks_for_the_role_that_the_table_says() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let role = app_role(&superuser).await;
    let granted: BTreeSet<String> = superuser.column(GRANTED, &[]).await.into_iter().collect();
    let listed: BTreeSet<String> = FUNCTIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let only_for_workers = FOR_WORKERS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(granted, &listed - &only_for_workers, "expected a line of crier_core::rights for each");
    let called: BTreeSet<String> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(called, listed, "expected a call in calls.rs for each");
    // crierd calls them for a member: what they ask for is asked here
    for function in FOR_WORKERS {
        superuser.run(&format!("GRANT EXECUTE ON FUNCTION crier.{function} TO crier_app")).await;
    }

    let tenant = Filled::new(&database, &superuser, &role, "plain").await;
    let mut wrong = Vec::new();
    for (function, args) in CALLS {
        let needs = FUNCTIONS.iter().find(|(name, _)| name == function).map(|(_, needs)| *needs);
        for (role, user, session) in &tenant.members {
            let args = tenant.named(&args.replace("SELF", &user.to_string()));
            session.run("BEGIN").await;
            let answer = session.try_text(&format!("SELECT * FROM crier.{function}({args})")).await;
            session.run("ROLLBACK").await;
            let code = answer.as_ref().map_or_else(|refusal| refusal.code.as_str(), |_| "");
            let right = match needs {
                None => false,
                Some(Needs::Nothing) => code != "42501",
                Some(Needs::Role(least)) => (code == "42501") == (*role < least) && code != "P0002",
                // rows of the workspace are there for who may, and not for others; what belongs to the user alone may be empty
                Some(Needs::EachRow(least)) => match &answer {
                    Ok(text) => {
                        (!text.is_empty() && *role >= least)
                            || (text.is_empty() && (*role < least || args.contains(&user.to_string())))
                    }
                    Err(_) => false,
                },
            };
            if !right {
                wrong.push(format!("{role}: {function}({args}) needs {needs:?}: {answer:?}"));
            }
        }
    }
    assert_eq!(wrong, [] as [String; 0], "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_role_that_changes_holds_at_once() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let role = app_role(&superuser).await;
    let tenant = Filled::new(&database, &superuser, &role, "plain").await;
    let editor = tenant.as_role(Role::Editor);
    let enqueue = tenant.named("SELECT crier.enqueue('k', workspace_id => 'WS')");
    // the session's plans are made by now
    editor.text(&enqueue).await;
    let user = tenant.members[1].1;
    tenant
        .owner()
        .text(&tenant.named(&format!("SELECT crier.set_member_role('WS', '{user}', 'viewer')")))
        .await;
    assert_eq!(editor.refusal(&enqueue).await.code, "42501");
    tenant.owner().text(&tenant.named(&format!("SELECT crier.remove_member('WS', '{user}')"))).await;
    assert_eq!(editor.refusal(&enqueue).await.code, "P0002");
}

//! Requests that nobody has thought of, made from the document: no error of ours, and no answer that is not in it.

use uuid::Uuid;

use super::{Installed, token};

/// Requests of an operation, besides those at the edges of its arguments.
const EXAMPLES: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn no_request_leads_to_an_error_of_ours_or_to_an_answer_that_is_not_described() {
    let installed = Installed::new().await;
    let tenant = installed.filled("w0rd").await;
    let served = installed.serve_at_rest().await;
    served.sql.run("UPDATE crier.request_limit SET per_minute = 1000000").await;
    let owner: Uuid = tenant.members[3].1;
    let (url, token, dir) = (served.url.clone(), token(owner), served.deployment.dir().to_owned());
    let tried =
        tokio::task::spawn_blocking(move || crier_tests::schemathesis::try_out(&url, &token, &dir, EXAMPLES));
    let (found_nothing, told) = tried.await.expect("its words");
    assert!(found_nothing && told.contains("passed"), "{told}");
}

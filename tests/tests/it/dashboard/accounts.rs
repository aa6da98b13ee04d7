//! What people see of their accounts: what is left of limits, and how long tokens live.

use super::tenants::{member, two};

#[tokio::test]
async fn limits_and_the_life_of_tokens_are_seen_at_a_glance() {
    let two = two().await;
    let viewer = member(&two.url, &two.ours, 0).await;
    let account = two.ours.names["ACC"].clone();
    let end = "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '40 days 5 hours'";
    two.sql
        .run(&format!(
            "UPDATE crier.credential SET expires_at = {end}, refresh_at = {end} - interval '3 days', refresh_failures = 2, \
                 refresh_error = '{{\"class\": \"rate_limited\", \"message\": \"s3cr3t\"}}' WHERE account_id = '{account}'; \
             INSERT INTO crier.account_limit (workspace_id, account_id, action, per, max) \
             SELECT workspace_id, id, 'publish', interval '1 day', 7 FROM crier.social_account WHERE id = '{account}'; \
             SELECT crier.reload_queue()"
        ))
        .await;
    for page in ["/accounts".to_owned(), format!("/accounts/{account}")] {
        let shown = viewer.page(&page).await;
        shown.is(200).has("Its token is good until").has("05:00</time>, and is to be renewed from");
        shown.has("Renewing it failed 2 times").has("The platform asks to slow down.").has(" of 7 in 1 day");
        shown.has_not("s3cr3t");
    }
}

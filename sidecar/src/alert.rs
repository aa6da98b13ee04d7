//! `crierd alert`: the endpoints that alerts go to. A secret is made here, shown once, and stored sealed.

use std::sync::Arc;

use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::client::Client;
use crate::config::Config;
use crate::db::{AlertEndpoint, Db};
use crate::error::Error;
use crate::secrets::{self, Vault};
use crate::webhook::Webhooks;

/// Which endpoint to add.
#[derive(Debug)]
pub(crate) struct Add<'a> {
    pub(crate) url: &'a str,
    /// None: it hears of the whole installation.
    pub(crate) workspace_id: Option<Uuid>,
    /// None: of everything.
    pub(crate) kinds: Option<&'a [String]>,
}

async fn connect(config: &Config) -> Result<(Db, Webhooks), Error> {
    secrets::forbid_core_dumps();
    let db = Db::new(&config.database)?;
    let vault = Vault::load(&config.keys, Arc::new(db.clone())).await?;
    Ok((db, Webhooks::new(Client::new()?, vault.into(), config.alerts_allow_loopback)))
}

/// Makes a secret, stores it sealed, and prints the endpoint's id and the secret.
pub(crate) async fn add(config: &Config, add: Add<'_>) -> Result<(), Error> {
    let (db, webhooks) = connect(config).await?;
    webhooks
        .check(add.workspace_id, add.url)
        .map_err(|why| Error::Refused(format!("the endpoint's address: {why}")))?;
    let id = db.new_id().await?;
    let (secret, sealed) = webhooks.new_secret(add.workspace_id, id).await?;
    db.add_alert_endpoint(id, add.url, &sealed, add.workspace_id, add.kinds).await?;
    println!("{id}\n{}", secret.expose_secret());
    Ok(())
}

/// Prints a line for each endpoint.
pub(crate) async fn list(config: &Config, workspace_id: Option<Uuid>) -> Result<(), Error> {
    let db = Db::new(&config.database)?;
    for endpoint in db.list_alert_endpoints(workspace_id).await? {
        println!("{}", line(&endpoint));
    }
    Ok(())
}

/// Id, whose, state, what it wants, where it is, and what went wrong last.
fn line(endpoint: &AlertEndpoint) -> String {
    let whose = endpoint.workspace_id.map_or_else(|| "installation".to_owned(), |id| id.to_string());
    let state = match &endpoint.disabled_because {
        Some(why) => format!("disabled ({why})"),
        None if endpoint.failing => "failing".to_owned(),
        None => "enabled".to_owned(),
    };
    let kinds = endpoint.kinds.as_ref().map_or_else(|| "all".to_owned(), |kinds| kinds.join(","));
    let (id, url, waiting) = (endpoint.id, &endpoint.url, endpoint.waiting);
    let error = endpoint.last_error.as_ref().map(|error| format!("  {error}")).unwrap_or_default();
    format!("{id}  {whose}  {state}  {kinds}  {waiting} waiting  {url}{error}")
}

/// Removes an endpoint.
pub(crate) async fn remove(config: &Config, id: Uuid) -> Result<(), Error> {
    Db::new(&config.database)?.remove_alert_endpoint(id).await
}

/// Sends a test to an endpoint from here, whether it is enabled or not, and says how it answered.
pub(crate) async fn test(config: &Config, id: Uuid) -> Result<(), Error> {
    let (db, webhooks) = connect(config).await?;
    let endpoint = db.get_alert_endpoint(id).await?;
    let message = db.new_id().await?;
    let at = humantime::format_rfc3339_millis(std::time::SystemTime::now());
    let body = serde_json::json!({ "type": "test", "timestamp": at.to_string(), "data": {} }).to_string();
    let status = webhooks.deliver(&endpoint, message, &body).await?;
    println!("delivered as {message}: the endpoint answered {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_an_endpoint_is() {
        let endpoint = AlertEndpoint {
            id: Uuid::from_u128(1),
            workspace_id: None,
            url: "https://a.example/x".into(),
            kinds: Some(vec!["post.failed".into(), "post.unconfirmed".into()]),
            disabled_because: None,
            failing: true,
            last_error: Some("the endpoint answered 500 (transient)".into()),
            waiting: 3,
        };
        let id = endpoint.id;
        assert_eq!(
            line(&endpoint),
            format!(
                "{id}  installation  failing  post.failed,post.unconfirmed  3 waiting  https://a.example/x  the endpoint \
                 answered 500 (transient)"
            )
        );
        let disabled = AlertEndpoint {
            workspace_id: Some(id),
            kinds: None,
            disabled_because: Some("gone".into()),
            last_error: None,
            ..endpoint
        };
        assert_eq!(
            line(&disabled),
            format!("{id}  {id}  disabled (gone)  all  3 waiting  https://a.example/x")
        );
    }
}

//! Facebook's login: a code gives a person's token, which is made to last; that one lists the person's pages, each with a token of
//! its own, which is good as long as the grant. On Instagram the account that belongs to a page is what counts.

use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::own_login::{begun, of_exchange, secret};
use super::{Graph, VERSION, plain};
use crate::client::Client;
use crate::providers::answer::{Phase, read};
use crate::providers::oauth::{self, Tokens};
use crate::providers::{App, Apps, Ask, Begun, Callback, Endpoints, Failure, Granted};
use crate::secrets::Session;

/// Where it is.
const SERVER: &str = "https://graph.facebook.com";
/// The most pages that are asked for: whoever has more chooses among these.
const MAX_PAGES: usize = 200;

/// Facebook's login, for all platforms that have it.
#[derive(Debug, Clone, Default)]
pub(in crate::providers) struct FacebookLogin {
    /// The operator's app.
    pub(in crate::providers) app: Option<App>,
    endpoints: Endpoints,
}

/// What a platform wants of it.
#[derive(Debug)]
pub(in crate::providers) struct Wanted {
    /// Nothing works without these.
    pub(in crate::providers) needed: &'static [&'static str],
    /// Without these the account works, except for what needs them.
    pub(in crate::providers) useful: &'static [&'static str],
    /// The fields of a page besides its token.
    pub(in crate::providers) fields: &'static str,
    /// The id and the name of the account that a page is, or has.
    pub(in crate::providers) account: fn(&Value) -> Option<(String, String)>,
    /// What is said where no page has one.
    pub(in crate::providers) none: &'static str,
}

impl FacebookLogin {
    pub(in crate::providers) fn of(apps: &Apps) -> Self {
        Self { app: apps.get("facebook").cloned(), endpoints: apps.endpoints("facebook") }
    }

    pub(in crate::providers) fn server(&self) -> &str {
        self.endpoints.server.as_deref().unwrap_or(SERVER)
    }

    pub(in crate::providers) fn version(&self) -> &str {
        self.endpoints.api_version.as_deref().unwrap_or(VERSION)
    }

    /// The app, which has to have a secret.
    pub(in crate::providers) fn app(&self) -> Result<&App, Failure> {
        let app = oauth::own_app(self.app.as_ref(), "facebook")?;
        secret(app).map(|_| app)
    }

    /// Makes the address the person is sent to.
    pub(in crate::providers) fn begin(&self, wanted: &Wanted, ask: &Ask<'_>) -> Result<Begun, Failure> {
        let usual = format!("https://www.facebook.com/{}/dialog/oauth", self.version());
        let page = self.endpoints.authorize_url.as_deref().unwrap_or(&usual);
        begun(("facebook", page), &[wanted.needed, wanted.useful], ask)
    }

    /// Exchanges the code and finds out whose accounts were granted.
    pub(in crate::providers) async fn finish(
        &self,
        client: &Client,
        wanted: &Wanted,
        callback: &Callback<'_>,
    ) -> Result<Vec<Granted>, Failure> {
        let ask = &callback.ask;
        let app = oauth::own_app(ask.app, "facebook")?;
        let at = (ask.server, self.version());
        let nobody = Graph::new(client, at, None);
        let params = |more: &[(&'static str, &str)]| -> Result<_, Failure> {
            let mut params = vec![
                ("client_id", app.client_id.clone()),
                ("client_secret", secret(app)?.expose_secret().to_owned()),
            ];
            params.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
            Ok(params)
        };
        let code = params(&[("redirect_uri", ask.redirect_uri), ("code", callback.code.expose_secret())])?;
        let answer = nobody.post("oauth/access_token", &code).await;
        let short: Tokens = read(Phase::Login, answer, plain).map_err(of_exchange)?;
        let exchange = params(&[
            ("grant_type", "fb_exchange_token"),
            ("fb_exchange_token", short.access_token.expose_secret()),
        ])?;
        let answer = nobody.post("oauth/access_token", &exchange).await;
        let person: Tokens = read(Phase::Login, answer, plain)?;
        let server = Graph::new(client, at, Some(&person.access_token));
        let permissions: Value = read(Phase::Login, server.get("me/permissions", &[]).await, plain)?;
        let (granted, same) = (granted(&permissions), |given: &str, wanted: &str| given == wanted);
        let missing = oauth::missing(&granted, wanted.needed, wanted.useful, same)?;
        let accounts = accounts(&server, wanted, ask.server, &missing).await?;
        match accounts.is_empty() {
            true => Err(Failure::new(ErrorClass::TargetMissing, wanted.none)),
            false => Ok(accounts),
        }
    }
}

fn granted(permissions: &Value) -> Vec<String> {
    let list = permissions["data"].as_array().into_iter().flatten();
    list.filter(|one| one["status"] == "granted")
        .filter_map(|one| one["permission"].as_str().map(str::to_owned))
        .collect()
}

/// The accounts of all pages. Where the next page of the list is, the cursor tells; addresses in answers carry the token
/// and are not followed.
async fn accounts(
    server: &Graph<'_>,
    wanted: &Wanted,
    base_url: &str,
    missing: &[String],
) -> Result<Vec<Granted>, Failure> {
    let fields = format!("id,name,access_token,{}", wanted.fields);
    let (mut found, mut after) = (Vec::new(), String::new());
    for _ in 0..MAX_PAGES / 100 {
        let mut query = vec![("fields", fields.as_str()), ("limit", "100")];
        if !after.is_empty() {
            query.push(("after", after.as_str()));
        }
        let list: Value = read(Phase::Login, server.get("me/accounts", &query).await, plain)?;
        let pages = list["data"].as_array().cloned().unwrap_or_default();
        found.extend(pages.iter().filter_map(|page| account(page, wanted, base_url, missing)));
        let next = list["paging"]["cursors"]["after"].as_str().filter(|_| list["paging"]["next"].is_string());
        match next {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    Ok(found)
}

/// The account of a page, which acts by the page's token.
fn account(page: &Value, wanted: &Wanted, base_url: &str, missing: &[String]) -> Option<Granted> {
    let (external_id, handle) = (wanted.account)(page)?;
    let token = page["access_token"].as_str().filter(|token| !token.is_empty())?;
    Some(Granted {
        external_id,
        handle,
        base_url: base_url.to_owned(),
        session: Session::new(token.into(), SecretString::default()),
        missing: missing.to_vec(),
    })
}

/// A page's token ends with the grant, and nothing renews it.
pub(in crate::providers) fn never_renewed() -> Failure {
    let message = "the token of a page can't be renewed: connect the account again with `crierd account add`";
    Failure::new(ErrorClass::AuthRevoked, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::instagram::PAGES;
    use serde_json::json;

    #[test]
    fn only_pages_with_an_account_and_a_token_count() {
        let linked = json!({ "id": "17841", "username": "alice" });
        let page = |account: &Value, token: Value| json!({ "id": "1", "access_token": token, "instagram_business_account": account });
        let account = |page: &Value| account(page, &PAGES, "https://graph.facebook.com", &[]);
        let found = account(&page(&linked, json!("t"))).unwrap();
        assert_eq!((found.external_id.as_str(), found.handle.as_str()), ("17841", "alice"));
        assert!(found.session.refresh.expose_secret().is_empty());
        for odd in
            [page(&json!(null), json!("t")), page(&linked, json!(null)), page(&linked, json!("")), json!(7)]
        {
            assert!(account(&odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn what_was_declined_is_not_granted() {
        let told = json!({ "data": [
            { "permission": "a", "status": "granted" }, { "permission": "b", "status": "declined" }, 7,
        ]});
        assert_eq!(granted(&told), ["a"]);
        assert!(granted(&json!(null)).is_empty());
    }
}

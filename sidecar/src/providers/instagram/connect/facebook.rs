//! Facebook's login: a code gives a person's token, which is made to last; that one lists the person's pages, each with a
//! token of its own and, where it has one, the account of Instagram that belongs to it.

use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::secret;
use crate::client::Client;
use crate::providers::answer::Phase;
use crate::providers::graph::Graph;
use crate::providers::instagram::classify::read;
use crate::providers::instagram::session::Named;
use crate::providers::oauth::{self, Tokens};
use crate::providers::{App, Callback, Failure, Granted};
use crate::secrets::Session;

pub(super) const SERVER: &str = "https://graph.facebook.com";
pub(super) const AUTHORIZE: &str = "https://www.facebook.com/v26.0/dialog/oauth";
const NEEDED: [&str; 3] = ["instagram_basic", "instagram_content_publish", "pages_show_list"];
/// To publish for pages of a business, comments, and the figures of posts.
const USEFUL: [&str; 4] = [
    "pages_read_engagement",
    "business_management",
    "instagram_manage_comments",
    "instagram_manage_insights",
];
const FIELDS: &str = "id,name,access_token,instagram_business_account{id,username}";
/// The most pages that are asked for: whoever has more chooses among these.
const MAX_PAGES: usize = 200;

pub(super) fn scopes() -> String {
    [&NEEDED[..], &USEFUL[..]].concat().join(",")
}

pub(super) async fn finish(
    client: &Client,
    app: &App,
    callback: &Callback<'_>,
) -> Result<Vec<Granted>, Failure> {
    let ask = &callback.ask;
    let nobody = Graph::new(client, ask.server, None);
    let params = |more: &[(&'static str, &str)]| -> Result<_, Failure> {
        let mut params = vec![
            ("client_id", app.client_id.clone()),
            ("client_secret", secret(app)?.expose_secret().to_owned()),
        ];
        params.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Ok(params)
    };
    let code = params(&[("redirect_uri", ask.redirect_uri), ("code", callback.code.expose_secret())])?;
    let short: Tokens = read(Phase::Login, nobody.post("oauth/access_token", &code).await)?;
    let exchange = params(&[
        ("grant_type", "fb_exchange_token"),
        ("fb_exchange_token", short.access_token.expose_secret()),
    ])?;
    let person: Tokens = read(Phase::Login, nobody.post("oauth/access_token", &exchange).await)?;
    let server = Graph::new(client, ask.server, Some(&person.access_token));
    let permissions: Value = read(Phase::Login, server.get("me/permissions", &[]).await)?;
    let missing = oauth::missing(&granted(&permissions), &NEEDED, &USEFUL, |given, wanted| given == wanted)?;
    let accounts = accounts(&server, ask.server, &missing).await?;
    if accounts.is_empty() {
        let message = "none of the pages that the app may see has a professional account of Instagram";
        return Err(Failure::new(ErrorClass::TargetMissing, message));
    }
    Ok(accounts)
}

fn granted(permissions: &Value) -> Vec<String> {
    let list = permissions["data"].as_array().into_iter().flatten();
    list.filter(|one| one["status"] == "granted")
        .filter_map(|one| one["permission"].as_str().map(str::to_owned))
        .collect()
}

/// The accounts of all pages. Where the next page of the list is, the cursor tells; addresses in answers carry the token
/// and are not followed.
async fn accounts(server: &Graph<'_>, base_url: &str, missing: &[String]) -> Result<Vec<Granted>, Failure> {
    let (mut found, mut after) = (Vec::new(), String::new());
    for _ in 0..MAX_PAGES / 100 {
        let mut query = vec![("fields", FIELDS), ("limit", "100")];
        if !after.is_empty() {
            query.push(("after", after.as_str()));
        }
        let list: Value = read(Phase::Login, server.get("me/accounts", &query).await)?;
        let pages = list["data"].as_array().cloned().unwrap_or_default();
        found.extend(pages.iter().filter_map(|page| account(page, base_url, missing)));
        let next = list["paging"]["cursors"]["after"].as_str().filter(|_| list["paging"]["next"].is_string());
        match next {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    Ok(found)
}

/// The account of a page, which acts by the page's token. That one lives as long as the grant.
fn account(page: &Value, base_url: &str, missing: &[String]) -> Option<Granted> {
    let Named { id, username } = Named::of(&page["instagram_business_account"], "id")?;
    let token = page["access_token"].as_str().filter(|token| !token.is_empty())?;
    Some(Granted {
        external_id: id,
        handle: username,
        base_url: base_url.to_owned(),
        session: Session::new(token.into(), SecretString::default()),
        missing: missing.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_pages_with_an_account_and_a_token_count() {
        let linked = json!({ "id": "17841", "username": "alice" });
        let page = |account: &Value, token: Value| json!({ "id": "1", "access_token": token, "instagram_business_account": account });
        let found = account(&page(&linked, json!("t")), "https://graph.facebook.com", &[]).unwrap();
        assert_eq!((found.external_id.as_str(), found.handle.as_str()), ("17841", "alice"));
        assert!(found.session.refresh.expose_secret().is_empty());
        for odd in
            [page(&json!(null), json!("t")), page(&linked, json!(null)), page(&linked, json!("")), json!(7)]
        {
            assert!(account(&odd, "b", &[]).is_none(), "{odd}");
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

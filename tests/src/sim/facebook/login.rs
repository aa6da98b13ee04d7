//! How people give an app access: a token of a person, who has pages, each with a token of its own.

use bytes::Bytes;
use hyper::Request;
use serde_json::{Value, json};

use super::{Facebook, Made};
use crate::sim::graph::{Params, Refused};
use crate::sim::kit::Common;

/// Everybody manages all pages.
const PERSON: &str = "person-";

impl Facebook {
    /// A token for a code, which comes without a grant type, or one that lasts for one that doesn't.
    pub(super) fn token(
        &mut self,
        common: &mut Common,
        request: &Request<Bytes>,
        params: &Params,
    ) -> Result<Value, Refused> {
        if params.get("grant_type") == Some("fb_exchange_token") {
            let short = params.one("fb_exchange_token")?;
            let person = common.login.account(short).filter(|account| account.starts_with(PERSON));
            let person = person.ok_or_else(|| Refused::known(190, ""))?.to_owned();
            let token = common.login.issue_access(&person);
            return Ok(json!({"access_token": token, "token_type": "bearer", "expires_in": 5_183_944}));
        }
        let form = [&request.body()[..], b"&grant_type=authorization_code"].concat();
        let given = common.login.token(&Request::new(Bytes::from(form)));
        let given = given.map_err(|refused| {
            Refused::invalid(match refused.0 {
                // what Meta says of a wrong secret
                "invalid_client" => "Error validating client secret.",
                _ => "This authorization code has been used.",
            })
        })?;
        self.rights.grant(&given.account, given.scopes.unwrap_or_default());
        Ok(json!({"access_token": given.access, "token_type": "bearer", "expires_in": 5_300}))
    }

    /// People have no category, and so no page is taken for one.
    pub(super) fn me(&self, made: &Made<'_>) -> Result<Value, Refused> {
        made.params.select(&match made.caller.strip_prefix(PERSON) {
            Some(name) => json!({"id": "7", "name": name}),
            None => page(made.caller, made.common.accounts.handle_of(made.caller)),
        })
    }

    pub(super) fn permissions(&self, made: &Made<'_>) -> Result<Value, Refused> {
        let granted = self.rights.of(made.caller).ok_or_else(|| Refused::known(200, ""))?;
        let one = |permission: &String| json!({"permission": permission, "status": "granted"});
        Ok(json!({"data": granted.iter().map(one).collect::<Vec<_>>()}))
    }

    /// The pages of a person, in lists with a cursor.
    pub(super) fn pages(&mut self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let nobody = || Refused::invalid("Tried accessing nonexisting field (accounts)");
        let granted = self.rights.of(made.caller).ok_or_else(nobody)?.clone();
        let size = self.settings.page_size.unwrap_or(100).max(1);
        let after: usize = made.params.get("after").and_then(|after| after.parse().ok()).unwrap_or_default();
        let all: Vec<_> =
            made.common.accounts.iter().map(|(id, handle)| (id.to_owned(), page(id, handle))).collect();
        let mut list = Vec::new();
        for (id, mut page) in all.iter().skip(after).take(size).cloned() {
            page["access_token"] = json!(made.common.login.issue_access(&id));
            self.rights.grant(&id, granted.clone());
            list.push(made.params.select(&page)?);
        }
        let end = after + list.len();
        let mut answer = json!({"data": list, "paging": {"cursors": {"after": end.to_string()}}});
        if end < all.len() {
            answer["paging"]["next"] = json!("https://graph.facebook.com/v26.0/me/accounts?access_token=…");
        }
        Ok(answer)
    }
}

pub(super) fn page(id: &str, handle: &str) -> Value {
    json!({"id": id, "name": format!("The page {handle}"), "username": handle, "category": "Shop", "access_token": null})
}

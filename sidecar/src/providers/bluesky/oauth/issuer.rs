//! The server that makes sessions: found through the account's server, checked against what the protocol asks of it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crier_core::error_class::ErrorClass;
use serde_json::Value;

use super::app;
use super::fetch::{self, Got};
use super::identity::origin;
use crate::client::Client;
use crate::providers::{Failure, Reach};

/// How long what an issuer says of itself is believed.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// The most issuers that are remembered: one that is forgotten costs a call.
const MAX_ISSUERS: usize = 1_000;

/// What an issuer says of itself (RFC 8414), as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issuer {
    /// Its name, which is its address.
    pub(super) name: String,
    pub(super) authorization: String,
    pub(super) token: String,
    pub(super) pushed: String,
    pub(super) revocation: Option<String>,
    /// How apps may authenticate.
    methods: Vec<String>,
    reads_documents: bool,
}

/// Issuers as they said of themselves lately.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<String, (Issuer, Instant)>>);

/// The issuer of an account's server (RFC 9728); none where that is no such server.
pub(super) async fn of_server(
    client: &Client,
    server: &str,
    reach: Reach,
) -> Result<Option<String>, Failure> {
    let url = format!("{server}/.well-known/oauth-protected-resource");
    match fetch::json(&client.within(reach), &url, &[]).await? {
        Got::Json(resource) => issuer_of(server, &resource, reach).map(Some),
        Got::Refused(300..=499) => Ok(None),
        Got::Refused(status) => {
            let message = format!("the account's server can't say who makes its sessions: {status}");
            Err(Failure { status: Some(status), ..Failure::new(ErrorClass::Transient, message) })
        }
    }
}

fn issuer_of(server: &str, resource: &Value, reach: Reach) -> Result<String, Failure> {
    if resource["resource"].as_str().and_then(origin) != origin(server) {
        return Err(unsuitable("the account's server speaks for another one"));
    }
    let issuers = resource["authorization_servers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [issuer] = issuers else {
        return Err(unsuitable("the account's server does not name one issuer of sessions"));
    };
    let issuer = issuer.as_str().unwrap_or_default();
    reach.check_found(issuer)?;
    // As it is written: it is compared byte by byte.
    match origin(issuer) {
        Some(bare) if bare == issuer => Ok(bare),
        _ => Err(unsuitable("the name of the issuer is not an address without a path")),
    }
}

impl Known {
    /// What an issuer says of itself, now or lately.
    pub(super) async fn issuer(&self, client: &Client, name: &str, reach: Reach) -> Result<Issuer, Failure> {
        if let Some(issuer) = self.lately(name) {
            return Ok(issuer);
        }
        let url = format!("{name}/.well-known/oauth-authorization-server");
        let issuer = match fetch::json(&client.within(reach), &url, &[]).await? {
            Got::Json(metadata) => Issuer::read(name, &metadata, reach)?,
            Got::Refused(status) => {
                let class = if status >= 500 || status == 429 {
                    ErrorClass::Transient
                } else {
                    ErrorClass::Unsupported
                };
                let message = format!("the server makes no sessions by OAuth: {status}");
                return Err(Failure { status: Some(status), ..Failure::new(class, message) });
            }
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_ISSUERS {
            known.clear();
        }
        known.insert(name.to_owned(), (issuer.clone(), Instant::now()));
        Ok(issuer)
    }

    fn lately(&self, name: &str) -> Option<Issuer> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).filter(|(_, at)| at.elapsed() < FRESH).map(|(issuer, _)| issuer.clone())
    }
}

impl Issuer {
    /// Reads what it says of itself. What the protocol promises and we rely on must be there; nothing else is looked at.
    fn read(name: &str, metadata: &Value, reach: Reach) -> Result<Self, Failure> {
        if metadata["issuer"].as_str() != Some(name) {
            return Err(unsuitable(
                "the issuer of sessions calls itself otherwise than the account's server does",
            ));
        }
        let texts = |field: &str| -> Vec<String> {
            let values = metadata[field].as_array().into_iter().flatten().filter_map(Value::as_str);
            values.map(str::to_owned).collect()
        };
        for (field, value) in [
            ("response_types_supported", "code"),
            ("grant_types_supported", "authorization_code"),
            ("grant_types_supported", "refresh_token"),
            ("code_challenge_methods_supported", "S256"),
            ("dpop_signing_alg_values_supported", "ES256"),
            ("scopes_supported", "atproto"),
        ] {
            if !texts(field).iter().any(|found| found == value) {
                return Err(unsuitable(&format!("the issuer of sessions does not offer {value} ({field})")));
            }
        }
        // Without it, one issuer could pass another one's code off as its own (RFC 9207).
        if metadata["authorization_response_iss_parameter_supported"] != true {
            return Err(unsuitable("the issuer of sessions does not sign its answers with its name"));
        }
        let endpoint = |field: &str| match metadata[field].as_str() {
            Some(url) => check_endpoint(url, reach).map(Some),
            None => Ok(None),
        };
        let needed = |field: &str| {
            endpoint(field)?.ok_or_else(|| unsuitable(&format!("the issuer of sessions has no {field}")))
        };
        Ok(Self {
            name: name.to_owned(),
            authorization: needed("authorization_endpoint")?,
            token: needed("token_endpoint")?,
            pushed: needed("pushed_authorization_request_endpoint")?,
            revocation: endpoint("revocation_endpoint")?,
            methods: texts("token_endpoint_auth_methods_supported"),
            reads_documents: metadata["client_id_metadata_document_supported"] == true,
        })
    }

    /// Whether it takes an app as it is.
    pub(super) fn check(&self, client: &app::Client) -> Result<(), Failure> {
        if !self.methods.iter().any(|method| method == client.method()) {
            return Err(unsuitable(&format!(
                "the issuer of sessions takes no app that authenticates by {}",
                client.method()
            )));
        }
        if client.has_document() && !self.reads_documents {
            return Err(unsuitable("the issuer of sessions reads no documents of apps"));
        }
        Ok(())
    }
}

/// An address that the issuer names. It may have a path and be of another host.
fn check_endpoint(url: &str, reach: Reach) -> Result<String, Failure> {
    let without_query = url.split('?').next().unwrap_or_default();
    reach.check_found(without_query)?;
    if url.contains('#') {
        return Err(unsuitable("an address of the issuer has a fragment"));
    }
    Ok(url.to_owned())
}

/// What a server lacks or gets wrong: nothing the operator could set right.
fn unsuitable(message: &str) -> Failure {
    Failure::new(ErrorClass::Unsupported, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NAME: &str = "https://issuer.example";
    const OUTSIDE: Reach = Reach { allow_loopback: false };

    fn metadata() -> Value {
        json!({
            "issuer": NAME,
            "authorization_endpoint": "https://issuer.example/oauth/authorize",
            "token_endpoint": "https://issuer.example/oauth/token",
            "pushed_authorization_request_endpoint": "https://issuer.example/oauth/par",
            "revocation_endpoint": "https://issuer.example/oauth/revoke",
            "scopes_supported": ["atproto", "transition:generic"],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "dpop_signing_alg_values_supported": ["RS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
            "require_pushed_authorization_requests": true,
        })
    }

    fn with(field: &str, value: Value) -> Value {
        let mut metadata = metadata();
        metadata[field] = value;
        metadata
    }

    #[test]
    fn an_issuer_is_taken_by_what_it_says_of_itself() {
        let issuer = Issuer::read(NAME, &metadata(), OUTSIDE).unwrap();
        assert_eq!(issuer.token, "https://issuer.example/oauth/token");
        assert_eq!(issuer.revocation.as_deref(), Some("https://issuer.example/oauth/revoke"));
        let elsewhere = with("token_endpoint", json!("https://tokens.example/t"));
        assert_eq!(Issuer::read(NAME, &elsewhere, OUTSIDE).unwrap().token, "https://tokens.example/t");
        let none = Issuer::read(NAME, &with("revocation_endpoint", json!(null)), OUTSIDE).unwrap();
        assert_eq!(none.revocation, None);
    }

    #[test]
    fn what_is_missing_or_odd_is_refused() {
        for (field, value) in [
            ("issuer", json!("https://issuer.example/")),
            ("issuer", json!("https://other.example")),
            ("issuer", json!(null)),
            ("issuer", json!(["https://issuer.example"])),
            ("authorization_endpoint", json!(null)),
            ("token_endpoint", json!("")),
            ("token_endpoint", json!("http://issuer.example/oauth/token")),
            ("token_endpoint", json!("https://10.0.0.1/token")),
            ("token_endpoint", json!("https://127.0.0.1/token")),
            ("token_endpoint", json!("http://localhost:1/token")),
            ("token_endpoint", json!("https://issuer.example/#a")),
            ("token_endpoint", json!(7)),
            ("pushed_authorization_request_endpoint", json!(null)),
            ("pushed_authorization_request_endpoint", json!("https://[::1]/par")),
            ("revocation_endpoint", json!("https://169.254.169.254/")),
            ("scopes_supported", json!(["openid"])),
            ("response_types_supported", json!("code")),
            ("grant_types_supported", json!(["authorization_code"])),
            ("code_challenge_methods_supported", json!(["plain"])),
            ("dpop_signing_alg_values_supported", json!(["RS256"])),
            ("authorization_response_iss_parameter_supported", json!(false)),
            ("authorization_response_iss_parameter_supported", json!("true")),
        ] {
            let refused = Issuer::read(NAME, &with(field, value.clone()), OUTSIDE);
            assert!(refused.is_err(), "{field} {value}");
        }
        for odd in [json!(null), json!([]), json!("x"), json!({})] {
            assert!(Issuer::read(NAME, &odd, OUTSIDE).is_err(), "{odd}");
        }
    }

    #[test]
    fn an_app_must_be_one_that_the_issuer_takes() {
        let of = |field: &str, value: Value| Issuer::read(NAME, &with(field, value), OUTSIDE).unwrap();
        let public = app::Client { id: "https://a.example/oauth/client-metadata.json".into(), key: None };
        let keyed = app::Client { key: Some("k".into()), ..public.clone() };
        let local = app::Client { id: "http://localhost?a=b".into(), key: None };
        let open = of("token_endpoint_auth_methods_supported", json!(["none"]));
        assert!(open.check(&public).is_ok() && open.check(&keyed).is_err());
        let blind = of("client_id_metadata_document_supported", json!(null));
        assert!(blind.check(&public).is_err() && blind.check(&local).is_ok());
    }

    #[test]
    fn a_server_names_one_issuer_and_speaks_for_itself() {
        let server = "https://pds.example";
        let read = |resource: Value| issuer_of(server, &resource, OUTSIDE);
        let of = |resource: &str, issuers: Value| json!({ "resource": resource, "authorization_servers": issuers });
        assert_eq!(read(of(server, json!([NAME]))).as_deref(), Ok(NAME));
        assert_eq!(read(of("https://pds.example/", json!([NAME]))).as_deref(), Ok(NAME));
        for (resource, issuers) in [
            ("https://other.example", json!([NAME])),
            ("https://pds.example/x", json!([NAME])),
            (server, json!([])),
            (server, json!([NAME, "https://b.example"])),
            (server, json!(NAME)),
            (server, json!([1])),
            (server, json!(["https://issuer.example/"])),
            (server, json!(["https://issuer.example/path"])),
            (server, json!(["http://issuer.example"])),
            (server, json!(["https://10.0.0.1"])),
            (server, json!(["http://localhost:1"])),
        ] {
            assert!(read(of(resource, issuers.clone())).is_err(), "{resource} {issuers}");
        }
        assert!(read(json!(null)).is_err());
        let local = of("http://localhost:1", json!(["http://localhost:1"]));
        assert!(issuer_of("http://localhost:1", &local, Reach { allow_loopback: true }).is_ok());
    }
}

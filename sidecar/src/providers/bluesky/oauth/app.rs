//! Who `crierd` is to servers of the AT Protocol. Nobody registers: an app's id is the address of a document that says what the
//! app is, and that the server reads. On a machine that no server reaches, the id says everything itself (a loopback client).

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::address::{check_loopback, check_public};
use crate::error::Error;
use crate::providers::Failure;
use crate::providers::answer::seconds_since_1970;
use crate::secrets::Es256;
use crate::secrets::unguessable::unguessable;

/// What an account is asked for: its own records and blobs, and to read as it. Messages and the e-mail address are not in it.
pub(super) const SCOPE: &str = "atproto transition:generic";

/// Where the documents are, below the public address.
pub(crate) const METADATA_PATH: &str = "/oauth/client-metadata.json";
/// Where the public halves of the keys are.
pub(crate) const JWKS_PATH: &str = "/oauth/jwks.json";

/// How an app says who it is with a key (RFC 7523).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long what it says is good, in seconds.
const ASSERTION_LIFE: u64 = 60;

/// The keys by which the app says who it is: the last one to whoever logs in now, the others for the sessions they began.
#[derive(Debug, Clone, Default)]
pub struct ClientKeys(Vec<Es256>);

impl ClientKeys {
    /// Reads a PEM file.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        Es256::all_of_pem(text).map(Self)
    }

    fn active(&self) -> Option<&Es256> {
        self.0.last()
    }

    fn named(&self, name: &str) -> Option<&Es256> {
        self.0.iter().find(|key| key.thumbprint() == name)
    }

    /// The public halves, as servers read them.
    pub(crate) fn jwks(&self) -> Value {
        let public = |key: &Es256| {
            let mut jwk = key.jwk();
            jwk["kid"] = key.thumbprint().into();
            jwk["use"] = "sig".into();
            jwk["alg"] = "ES256".into();
            jwk
        };
        json!({ "keys": self.0.iter().map(public).collect::<Vec<_>>() })
    }
}

/// The document that an app's id is the address of; none where no server could read it.
pub(crate) fn metadata(public_url: &str, redirect_uri: &str, keys: &ClientKeys) -> Option<Value> {
    is_reachable(public_url).then(|| {
        let mut metadata = json!({
            "client_id": format!("{public_url}{METADATA_PATH}"),
            "client_name": "Crier",
            "client_uri": public_url,
            "application_type": "web",
            "redirect_uris": [redirect_uri],
            "scope": SCOPE,
            "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token"],
            "dpop_bound_access_tokens": true,
            "token_endpoint_auth_method": "none",
        });
        if keys.active().is_some() {
            metadata["token_endpoint_auth_method"] = "private_key_jwt".into();
            metadata["token_endpoint_auth_signing_alg"] = "ES256".into();
            metadata["jwks_uri"] = format!("{public_url}{JWKS_PATH}").into();
        }
        metadata
    })
}

/// Whether a server elsewhere can read what is there.
fn is_reachable(public_url: &str) -> bool {
    check_public(public_url).is_ok_and(|url| url.query().is_none() && url.fragment().is_none())
}

/// Who the app is in one login: its id, and the key that it says so with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) id: String,
    /// None: it keeps no secret.
    pub(super) key: Option<String>,
}

impl Client {
    /// Who it is to whoever logs in now.
    pub(super) fn now(public_url: &str, redirect_uri: &str, keys: &ClientKeys) -> Result<Self, Failure> {
        if is_reachable(public_url) {
            let key = keys.active().map(Es256::thumbprint);
            return Ok(Self { id: format!("{public_url}{METADATA_PATH}"), key });
        }
        let config = |message: String| Failure::new(ErrorClass::Config, message);
        if check_loopback(public_url).is_err() {
            let message = "servers read what the app is from http.public_url: it must be like https://crier.example, \
                           without a port, or for tests http://127.0.0.1:PORT";
            return Err(config(message.into()));
        }
        let is_number = Url::parse(redirect_uri)
            .is_ok_and(|url| url.scheme() == "http" && url.host_str().is_none_or(|host| host != "localhost"));
        if !is_number {
            let message = "servers of the AT Protocol send nobody back to localhost by its name: http.public_url must be like \
                           http://127.0.0.1:PORT";
            return Err(config(message.into()));
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("redirect_uri", redirect_uri).append_pair("scope", SCOPE);
        Ok(Self { id: format!("http://localhost?{}", query.finish()), key: None })
    }

    /// How it authenticates, in the words of servers.
    pub(super) fn method(&self) -> &'static str {
        if self.key.is_some() { "private_key_jwt" } else { "none" }
    }

    /// Whether a server has to read a document to know it.
    pub(super) fn has_document(&self) -> bool {
        self.id.starts_with("https:")
    }

    /// The fields of a form by which it says who it is to a server.
    pub(super) fn says(
        &self,
        keys: &ClientKeys,
        issuer: &str,
        now: SystemTime,
    ) -> Result<Vec<(&'static str, SecretString)>, Failure> {
        let mut fields = vec![("client_id", self.id.as_str().into())];
        let Some(name) = &self.key else { return Ok(fields) };
        // With another key than it began with, a refresh would end the session: nothing is sent.
        let key = keys.named(name).ok_or_else(|| {
            let message = format!(
                "the session was made with the client key {name}, which platforms.bluesky.client_key_file does not hold: put \
                 it back above the others, or connect the account again"
            );
            Failure::new(ErrorClass::Config, message)
        })?;
        let assertion = self.assertion(key, name, issuer, seconds_since_1970(now));
        fields.push(("client_assertion_type", ASSERTION_TYPE.into()));
        fields.push((
            "client_assertion",
            assertion.map_err(|error| Failure::new(ErrorClass::Transient, error.to_string()))?,
        ));
        Ok(fields)
    }

    fn assertion(&self, key: &Es256, name: &str, issuer: &str, now: u64) -> Result<SecretString, Error> {
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": name });
        let claims = json!({
            "iss": self.id, "sub": self.id, "aud": issuer, "jti": unguessable()?, "iat": now, "exp": now + ASSERTION_LIFE,
        });
        key.sign(&header, &claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::now;
    use crate::secrets::es256::verified;
    use secrecy::ExposeSecret;

    const URL: &str = "https://crier.example";
    const BACK: &str = "https://crier.example/oauth/callback";

    fn keys(count: usize) -> ClientKeys {
        ClientKeys((0..count).map(|_| Es256::generate().unwrap()).collect())
    }

    #[test]
    fn the_document_says_what_the_protocol_asks() {
        let document = metadata(URL, BACK, &keys(0)).unwrap();
        assert_eq!(
            document,
            json!({
                "client_id": "https://crier.example/oauth/client-metadata.json",
                "client_name": "Crier",
                "client_uri": "https://crier.example",
                "application_type": "web",
                "redirect_uris": ["https://crier.example/oauth/callback"],
                "scope": "atproto transition:generic",
                "response_types": ["code"],
                "grant_types": ["authorization_code", "refresh_token"],
                "dpop_bound_access_tokens": true,
                "token_endpoint_auth_method": "none",
            })
        );
        let document = metadata(URL, BACK, &keys(2)).unwrap();
        assert_eq!(document["token_endpoint_auth_method"], "private_key_jwt");
        assert_eq!(document["token_endpoint_auth_signing_alg"], "ES256");
        assert_eq!(document["jwks_uri"], "https://crier.example/oauth/jwks.json");
        for unreachable in
            ["http://127.0.0.1:8480", "https://localhost", "https://10.0.0.1", "https://a.example:8"]
        {
            assert_eq!(metadata(unreachable, BACK, &keys(0)), None, "{unreachable}");
        }
    }

    #[test]
    fn only_public_halves_are_shown() {
        let keys = keys(2);
        let shown = keys.jwks();
        assert_eq!(shown["keys"].as_array().unwrap().len(), 2);
        for (shown, key) in shown["keys"].as_array().unwrap().iter().zip(&keys.0) {
            assert_eq!(shown["kid"], key.thumbprint());
            assert!(shown.get("d").is_none());
            assert!(!shown.to_string().contains(&key.kept().expose_secret()[40..60]));
        }
    }

    #[test]
    fn a_machine_that_nobody_reaches_has_an_id_that_says_everything() {
        let client =
            Client::now("http://127.0.0.1:8480", "http://127.0.0.1:8480/oauth/callback", &keys(1)).unwrap();
        let id = "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%3A8480%2Foauth%2Fcallback&scope=atproto+transition%3Ageneric";
        assert_eq!(client, Client { id: id.into(), key: None });
        assert!(!client.has_document());
        for (public_url, redirect_uri) in [
            ("http://localhost:8480", "http://localhost:8480/oauth/callback"),
            ("http://crier.example", "http://crier.example/oauth/callback"),
            ("https://10.0.0.1", "https://10.0.0.1/oauth/callback"),
            ("https://crier.example:8443", "https://crier.example:8443/oauth/callback"),
        ] {
            let refused = Client::now(public_url, redirect_uri, &keys(0)).unwrap_err();
            assert_eq!(refused.class, ErrorClass::Config, "{public_url}");
            assert!(refused.message.contains("http.public_url"), "{refused}");
        }
    }

    #[test]
    fn an_app_says_who_it_is_with_the_key_that_a_session_began_with() {
        let two = keys(2);
        let client = Client::now(URL, BACK, &two).unwrap();
        assert_eq!(client.key, Some(two.0[1].thumbprint()));
        let old = Client { key: Some(two.0[0].thumbprint()), ..client.clone() };
        for (client, key) in [(&client, &two.0[1]), (&old, &two.0[0])] {
            let said = client.says(&two, "https://issuer.example", now()).unwrap();
            let names: Vec<_> = said.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, ["client_id", "client_assertion_type", "client_assertion"]);
            let (header, claims) = verified(said[2].1.expose_secret(), &key.jwk());
            assert_eq!(header, json!({ "typ": "JWT", "alg": "ES256", "kid": key.thumbprint() }));
            for (name, value) in [
                ("iss", json!(client.id)),
                ("sub", json!(client.id)),
                ("aud", json!("https://issuer.example")),
                ("iat", json!(1_795_000_000)),
                ("exp", json!(1_795_000_060)),
            ] {
                assert_eq!(claims[name], value, "{name}");
            }
        }
        let gone = old.says(&keys(1), "https://issuer.example", now()).unwrap_err();
        assert_eq!(gone.class, ErrorClass::Config);
        assert!(gone.message.contains("client_key_file"), "{gone}");
        let public = Client { key: None, ..client };
        assert_eq!(public.says(&two, "https://issuer.example", now()).unwrap().len(), 1);
    }
}

//! Alerts on their way: signed as Standard Webhooks has it, sent once, judged by the status alone.
//!
//! What a tenant names as an endpoint must not lead into the operator's network (see `address`), no redirect is followed, and
//! nothing of the answer's body is read: neither is there anything to learn from it, nor can it be without end.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::error_class::ErrorClass;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use secrecy::SecretString;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::address::{self, Forbidden};
use crate::client::{CallError, Client};
use crate::error::Error;
use crate::providers::{Failure, Reach};
use crate::secrets::{self, Place, Vault};

/// How long an endpoint may take, from the connection on. Its answer is a word, and it holds a place of the worker's.
const DELIVERY: Duration = Duration::from_secs(10);
/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Random bytes of a secret.
const SECRET_LEN: usize = 32;
/// "Gone": the endpoint wants nothing more.
const GONE: u16 = 410;

/// Where an alert goes. No `Debug`: the address may be a secret.
pub(crate) struct Endpoint {
    pub(crate) id: Uuid,
    /// None for an endpoint of the operator.
    pub(crate) workspace_id: Option<Uuid>,
    pub(crate) url: String,
    /// Its secret, sealed.
    pub(crate) sealed: Vec<u8>,
}

/// Delivers alerts.
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    client: Client,
    vault: Arc<Vault>,
    /// Endpoints of workspaces may be on loopback too: for tests.
    allow_loopback: bool,
}

impl Webhooks {
    pub(crate) fn new(client: Client, vault: Arc<Vault>, allow_loopback: bool) -> Self {
        Self { client, vault, allow_loopback }
    }

    /// Makes a secret: as its owner has to know it, and sealed for the endpoint.
    pub(crate) async fn new_secret(
        &self,
        workspace_id: Option<Uuid>,
        endpoint_id: Uuid,
    ) -> Result<(SecretString, Vec<u8>), Error> {
        let mut bytes = Zeroizing::new([0; SECRET_LEN]);
        getrandom::fill(bytes.as_mut_slice())
            .map_err(|error| Error::Sealed(format!("no random bytes: {error}")))?;
        let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        let secret = SecretString::from(format!("{PREFIX}{}", encoded.as_str()));
        let sealed =
            self.vault.seal(Place::AlertEndpoint { workspace_id, endpoint_id }, bytes.as_slice()).await?;
        Ok((secret, sealed))
    }

    fn reach(&self, workspace_id: Option<Uuid>) -> Reach {
        Reach { allow_loopback: workspace_id.is_none() || self.allow_loopback }
    }

    /// Checks an endpoint's address before anything is sent there. The operator's own may be next door.
    pub(crate) fn check(&self, workspace_id: Option<Uuid>, url: &str) -> Result<(), Forbidden> {
        if self.reach(workspace_id).allow_loopback {
            address::check_loopback(url).or_else(|_| address::check_public(url)).map(drop)
        } else {
            address::check_public(url).map(drop)
        }
    }

    /// Sends one alert; the status where it arrived. The id is the same at every attempt, so that the receiver can tell a
    /// repeated one. `target_missing`: the endpoint is gone.
    pub(crate) async fn deliver(&self, endpoint: &Endpoint, id: Uuid, body: &str) -> Result<u16, Failure> {
        let config = |why: String| Failure::new(ErrorClass::Config, why);
        self.check(endpoint.workspace_id, &endpoint.url)
            .map_err(|why| config(format!("the address of the endpoint: {why}")))?;
        let place = Place::AlertEndpoint { workspace_id: endpoint.workspace_id, endpoint_id: endpoint.id };
        let opened = self.vault.open(place, &endpoint.sealed).await;
        let key = opened.map_err(|error| secrets::failure(&error))?;
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let client = self.client.within(self.reach(endpoint.workspace_id));
        let request = client
            .request(Method::POST, &endpoint.url)
            .timeout(DELIVERY)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id.to_string())
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", sign(&key, id, at, body).map_err(config)?)
            .body(body.to_owned());
        match client.status(request).await.map_err(no_answer)? {
            status @ 200..=299 => Ok(status),
            status => Err(refused(status)),
        }
    }
}

/// `v1,` and the base64 of HMAC-SHA256 over id, timestamp and body, with dots between them.
fn sign(key: &[u8], id: Uuid, at: u64, body: &str) -> Result<String, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| "the secret has no bytes".to_owned())?;
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body.as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

fn no_answer(error: CallError) -> Failure {
    let (CallError::NotSent(why) | CallError::Unclear(why)) = error;
    Failure::new(ErrorClass::Transient, why)
}

/// Everything but success is tried again, a redirect too: it may be a mistake that is mended.
fn refused(status: u16) -> Failure {
    let class = if status == GONE { ErrorClass::TargetMissing } else { ErrorClass::Transient };
    Failure { status: Some(status), ..Failure::new(class, format!("the endpoint answered {status}")) }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::secrets::memory::in_memory;

    /// A secret as whoever is given it reads it.
    fn bytes_of(secret: &SecretString) -> Vec<u8> {
        STANDARD.decode(secret.expose_secret().strip_prefix(PREFIX).unwrap()).unwrap()
    }

    fn webhooks(allow_loopback: bool) -> Webhooks {
        Webhooks::new(Client::new().unwrap(), Arc::new(in_memory()), allow_loopback)
    }

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // The key of the specification's example; the expected value was made with another implementation.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = Uuid::from_u128(0x0193_a0c0_0000_7000_8000_0000_0000_0001);
        let signature = sign(&key, id, 1_674_087_231, r#"{"event_type":"ping"}"#).unwrap();
        assert_eq!(signature, "v1,7TQ93zo+yGxYgI+3INXYydzXFVT7m9RvrqDhG1ACEv8=");
    }

    #[tokio::test]
    async fn a_secret_is_32_bytes_and_opens_for_its_endpoint_only() {
        let webhooks = webhooks(false);
        let id = Uuid::from_u128(7);
        let (secret, sealed) = webhooks.new_secret(None, id).await.unwrap();
        let place = |endpoint_id| Place::AlertEndpoint { workspace_id: None, endpoint_id };
        assert_eq!(webhooks.vault.open(place(id), &sealed).await.unwrap().as_slice(), bytes_of(&secret));
        assert_eq!(bytes_of(&secret).len(), SECRET_LEN);
        assert!(webhooks.vault.open(place(Uuid::from_u128(8)), &sealed).await.is_err());
        assert!(!format!("{secret:?}").contains(PREFIX));
    }

    #[tokio::test]
    async fn a_workspaces_endpoint_is_on_the_internet() {
        let (strict, lenient) = (webhooks(false), webhooks(true));
        let tenant = Some(Uuid::from_u128(1));
        for url in ["https://alerts.example/a", "https://alerts.example/a?key=b"] {
            assert_eq!(strict.check(tenant, url), Ok(()), "{url}");
            assert_eq!(strict.check(None, url), Ok(()), "{url}");
        }
        for url in ["http://127.0.0.1:9093/a", "http://localhost/a", "https://[::1]:1/a?b=c"] {
            assert!(strict.check(tenant, url).is_err(), "{url}");
            assert_eq!(lenient.check(tenant, url), Ok(()), "{url}");
            assert_eq!(strict.check(None, url), Ok(()), "{url}");
        }
        for url in [
            "http://alerts.example/",
            "https://10.0.0.1/",
            "https://169.254.169.254/",
            "ftp://localhost/",
            "https://u:p@a.example/",
        ] {
            for workspace in [tenant, None] {
                assert!(lenient.check(workspace, url).is_err(), "{url}");
            }
        }
        let endpoint = Endpoint {
            id: Uuid::from_u128(7),
            workspace_id: tenant,
            url: "http://127.0.0.1:1/canary".into(),
            sealed: vec![],
        };
        let failure = strict.deliver(&endpoint, Uuid::from_u128(9), "{}").await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Config);
        assert!(!failure.message.contains("canary"), "{failure}");
    }

    #[test]
    fn only_gone_is_the_end() {
        for status in [301, 400, 401, 404, 429, 500, 503] {
            assert_eq!(refused(status).class, ErrorClass::Transient, "{status}");
        }
        assert_eq!(refused(410).class, ErrorClass::TargetMissing);
    }
}

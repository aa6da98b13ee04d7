//! Whose account it is and where it lives: from a name to its DID, from a DID to its document, from that to its server.
//!
//! A name is believed only where the document of its DID claims it: whoever answers for a name can't take an account over.

use crier_core::error_class::ErrorClass;
use serde_json::Value;
use url::Url;

use super::fetch::{self, Got};
use crate::address::check_loopback;
use crate::client::Client;
use crate::providers::bluesky::syntax::{MAX_HANDLE, is_did, is_handle};
use crate::providers::{Failure, Reach};

/// Characters of a `did:plc:` after its prefix.
const PLC_LEN: usize = 24;

/// Where names and documents are asked for.
#[derive(Clone, Copy)]
pub(super) struct Directory<'a> {
    pub(super) client: &'a Client,
    /// The directory of `did:plc:`.
    pub(super) plc: &'a str,
    /// Who is asked whose a name is. Never the account's own server: that would have every name be its.
    pub(super) resolver: &'a str,
    /// Where the rest may lead to.
    pub(super) reach: Reach,
}

/// An account, as its own document has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) did: String,
    /// The name that the document claims. Whether it is really its, nobody has said.
    pub(super) handle: Option<String>,
    /// The account's server, without a slash at the end.
    pub(super) pds: String,
}

impl Directory<'_> {
    /// The account of a name.
    pub(super) async fn of_handle(&self, handle: &str) -> Result<Identity, Failure> {
        if !is_handle(handle) {
            return Err(Failure::new(ErrorClass::TargetMissing, "that is not the name of an account"));
        }
        let did = self.did_of(handle).await?;
        let identity = self.of_did(&did).await?;
        if !identity.handle.as_deref().is_some_and(|claimed| claimed.eq_ignore_ascii_case(handle)) {
            let message = "the account that the name leads to does not claim the name";
            return Err(Failure::new(ErrorClass::TargetMissing, message));
        }
        Ok(identity)
    }

    /// Whether a name leads to an account.
    pub(super) async fn leads(&self, handle: &str, did: &str) -> bool {
        self.did_of(handle).await.is_ok_and(|found| found == did)
    }

    /// Asks the resolver, which looks into the DNS too, then the host of that name itself.
    async fn did_of(&self, handle: &str) -> Result<String, Failure> {
        let query = [("handle", handle)];
        let url = format!("{}/xrpc/com.atproto.identity.resolveHandle", self.resolver);
        if let Ok(Got::Json(found)) = fetch::json(self.client, &url, &query).await
            && let Some(did) = found["did"].as_str().filter(|did| is_did(did))
        {
            return Ok(did.to_owned());
        }
        let missing = || Failure::new(ErrorClass::TargetMissing, "there is no account of that name");
        let host =
            self.reach.check(&format!("https://{}", handle.to_ascii_lowercase())).map_err(|_| missing())?;
        let client = self.client.within(self.reach);
        let text =
            fetch::text(&client, &format!("{host}/.well-known/atproto-did")).await.map_err(|_| missing())?;
        let did = text.trim();
        if is_did(did) { Ok(did.to_owned()) } else { Err(missing()) }
    }

    /// The account of a DID.
    pub(super) async fn of_did(&self, did: &str) -> Result<Identity, Failure> {
        let (client, url) = self.document_of(did)?;
        match fetch::json(&client, &url, &[]).await? {
            Got::Json(document) => self.read(did, &document),
            Got::Refused(404 | 410) => {
                Err(Failure::new(ErrorClass::TargetMissing, "the account's DID is not known any more"))
            }
            Got::Refused(status) => {
                let message = format!("the document of the account's DID can't be read: {status}");
                Err(Failure { status: Some(status), ..Failure::new(ErrorClass::Transient, message) })
            }
        }
    }

    /// Where the document of a DID is, and who may ask there.
    fn document_of(&self, did: &str) -> Result<(Client, String), Failure> {
        let unsupported =
            || Failure::new(ErrorClass::Unsupported, "the account's DID is neither did:plc nor did:web");
        if !is_did(did) {
            return Err(unsupported());
        }
        if let Some(id) = did.strip_prefix("did:plc:") {
            let fits =
                id.len() == PLC_LEN && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
            // the directory is the operator's own choice
            let document = || (self.client.clone(), format!("{}/{did}", self.plc));
            return fits.then(document).ok_or_else(unsupported);
        }
        // No path, and a port for tests only: the protocol wants a host alone.
        let host = did.strip_prefix("did:web:").filter(|host| !host.contains(':')).ok_or_else(unsupported)?;
        let host = host.replace("%3A", ":").replace("%3a", ":");
        let local = format!("http://{host}");
        let base = if check_loopback(&local).is_ok() { local } else { format!("https://{host}") };
        let base = origin(&self.reach.check_found(&base)?).ok_or_else(unsupported)?;
        Ok((self.client.within(self.reach), format!("{base}/.well-known/did.json")))
    }

    fn read(&self, did: &str, document: &Value) -> Result<Identity, Failure> {
        if document["id"].as_str() != Some(did) {
            return Err(unsuitable("the document of the account's DID is another one's"));
        }
        let server =
            server_of(document).ok_or_else(|| unsuitable("the account's document names no server"))?;
        let pds = origin(&self.reach.check_found(server)?);
        let pds = pds.ok_or_else(|| unsuitable("the account's server has a path"))?;
        let names = document["alsoKnownAs"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let handle = names.filter_map(|name| name.strip_prefix("at://")).find(|name| is_handle(name));
        let handle = handle.filter(|handle| handle.len() <= MAX_HANDLE).map(str::to_ascii_lowercase);
        Ok(Identity { did: did.to_owned(), handle, pds })
    }
}

fn unsuitable(message: &str) -> Failure {
    Failure::new(ErrorClass::Unsupported, message)
}

/// The account's server, as its document names it.
pub(in crate::providers::bluesky) fn server_of(document: &Value) -> Option<&str> {
    let is_pds = |service: &&Value| service["id"].as_str().is_some_and(|id| id.ends_with("#atproto_pds"));
    let services = document["service"].as_array()?;
    services.iter().find(is_pds)?["serviceEndpoint"].as_str()
}

/// An address that is nothing but an origin, without a slash at the end.
pub(super) fn origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    bare.then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DID: &str = "did:plc:abcdefghijklmnopqrstuvwx";

    fn directory(client: &Client, allow_loopback: bool) -> Directory<'_> {
        Directory {
            client,
            plc: "https://plc.example",
            resolver: "https://names.example",
            reach: Reach { allow_loopback },
        }
    }

    #[test]
    fn documents_are_where_the_methods_say() {
        let client = Client::new().unwrap();
        let at = |did: &str, local| {
            let found = directory(&client, local).document_of(did);
            found.map(|(_, url)| url).map_err(|failure| failure.class)
        };
        let good = |url: &str| Ok(url.to_owned());
        assert_eq!(at(DID, false), good("https://plc.example/did:plc:abcdefghijklmnopqrstuvwx"));
        assert_eq!(at("did:web:a.example", false), good("https://a.example/.well-known/did.json"));
        assert_eq!(at("did:web:localhost%3A8", true), good("http://localhost:8/.well-known/did.json"));
        for (did, local) in [
            ("did:plc:short", false),
            ("did:plc:abcdefghijklmnopqrstuv/..", false),
            ("did:plc:ABCDEFGHIJKLMNOPQRSTUVWX", false),
            ("did:key:z6Mk", false),
            ("did:web:a.example:path", false),
            ("did:web:a.example%2Fx", false),
            ("did:web:a.example%3A8443", false),
            ("did:web:localhost", false),
            ("did:web:localhost%3A8", false),
            ("did:web:10.0.0.1", true),
            ("did:web:169.254.169.254", false),
            ("did:web:u%40a.example", false),
            ("did:web:", false),
            ("x", false),
        ] {
            assert!(at(did, local).is_err(), "{did} {:?}", at(did, local));
        }
    }

    #[test]
    fn a_document_names_its_account_and_a_server_outside() {
        let client = Client::new().unwrap();
        let read = |document: &Value, local| directory(&client, local).read(DID, document);
        let of = |endpoint: &str| {
            json!({
                "id": DID,
                "alsoKnownAs": ["https://a.example", 1, "at://not a name", "at://Alice.Example", "at://b.example"],
                "service": [
                    { "id": "#other", "serviceEndpoint": "https://no.example" },
                    { "id": 1, "serviceEndpoint": {} },
                    { "id": "#atproto_pds", "serviceEndpoint": endpoint },
                ],
            })
        };
        let identity = Identity {
            did: DID.into(),
            handle: Some("alice.example".into()),
            pds: "https://pds.example".into(),
        };
        assert_eq!(read(&of("https://PDS.example/"), false).unwrap(), identity);
        let local = read(&of("http://localhost:2583"), true).unwrap();
        assert_eq!(local.pds, "http://localhost:2583");
        for endpoint in [
            "http://localhost:2583",
            "https://127.0.0.1",
            "https://localhost",
            "https://[::1]",
            "https://10.0.0.1",
            "https://2130706433",
            "http://pds.example",
            "https://pds.example:8443",
            "https://u:p@pds.example",
            "https://pds.example/path",
            "https://pds.example/?a",
            "pds.example",
            "",
        ] {
            assert!(read(&of(endpoint), false).is_err(), "{endpoint}");
        }
        let mut other = of("https://pds.example");
        other["id"] = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb".into();
        assert!(read(&other, false).is_err());
        for odd in
            [json!(null), json!([]), json!({ "id": DID }), json!({ "id": DID, "service": [null, 1, {}] })]
        {
            assert!(read(&odd, false).is_err(), "{odd}");
        }
        let mut nameless = of("https://pds.example");
        nameless["alsoKnownAs"] = json!("at://a.example");
        assert_eq!(read(&nameless, false).unwrap().handle, None);
    }
}

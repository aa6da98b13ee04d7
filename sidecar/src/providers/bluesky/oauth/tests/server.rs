//! One program that is directory, account's server and issuer. It checks every proof as RFC 9449 says.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::secrets::es256::verified;
use crate::secrets::unguessable::digest;

pub(super) const DID: &str = "did:plc:abcdefghijklmnopqrstuvwx";
pub(super) const HANDLE: &str = "alice.test";

/// What it does, and what it has seen.
#[derive(Default)]
pub(super) struct State {
    url: String,
    /// Counts its nonces: each side has its own.
    pub(super) nonce: u32,
    /// A new nonce with every answer.
    pub(super) rotate: bool,
    /// Asks for another nonce whatever comes.
    pub(super) never_content: bool,
    /// Whose session it gives.
    pub(super) sub: Value,
    /// Where the account lives.
    pub(super) home: String,
    /// Another field in the next tokens.
    pub(super) change: Option<(&'static str, Value)>,
    /// Another field in what the issuer says of itself.
    pub(super) says: Option<(&'static str, Value)>,
    /// The name that the account's document claims, where that is another one.
    pub(super) claims: Option<&'static str>,
    /// No name leads to an account.
    pub(super) names_nobody: bool,
    /// Hangs up after the next refresh.
    pub(super) cut: bool,
    /// Answers the next refresh so, and does nothing.
    pub(super) refuse: Option<u16>,

    proofs: HashSet<String>,
    pushed: HashMap<String, String>,
    jkt: Option<String>,
    /// The session: how often it was renewed; none once it has ended.
    generation: Option<u32>,
    asked_by_issuer: u32,
    asked_by_account: u32,
    exchanges: u32,
    refreshes: u32,
    revoked: u32,
    uploads: u32,
    failures: Vec<String>,
}

pub(super) struct Server {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let state = State { url: url.clone(), sub: json!(DID), home: url.clone(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let app = Router::new().fallback(move |request: Request| {
            let shared = Arc::clone(&shared);
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                let (mut state, query) = (shared.lock().unwrap(), parts.uri.query().unwrap_or_default());
                state.answer(&parts.method, parts.uri.path(), query, &parts.headers, &body)
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, state }
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub(super) fn pushed(&self) -> HashMap<String, String> {
        self.with(|state| state.pushed.clone())
    }

    /// How often a nonce was asked for: by the issuer, by the account's server.
    pub(super) fn asked_for_nonce(&self) -> (u32, u32) {
        self.with(|state| (state.asked_by_issuer, state.asked_by_account))
    }

    pub(super) fn exchanges(&self) -> u32 {
        self.with(|state| state.exchanges)
    }

    pub(super) fn refreshes(&self) -> u32 {
        self.with(|state| state.refreshes)
    }

    pub(super) fn revoked(&self) -> u32 {
        self.with(|state| state.revoked)
    }

    pub(super) fn uploads(&self) -> u32 {
        self.with(|state| state.uploads)
    }

    /// What was wrong with proofs, their nonces apart.
    pub(super) fn failures(&self) -> Vec<String> {
        self.with(|state| state.failures.clone())
    }
}

fn answer(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body.clone())).into_response()
}

impl State {
    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response {
        match path {
            "/.well-known/oauth-protected-resource" => {
                answer(200, &json!({ "resource": self.url, "authorization_servers": [self.url] }))
            }
            "/.well-known/oauth-authorization-server" => answer(200, &self.metadata()),
            "/xrpc/com.atproto.identity.resolveHandle" => match self.names_nobody {
                true => answer(400, &json!({ "error": "InvalidRequest" })),
                false => answer(200, &json!({ "did": DID })),
            },
            _ if path == format!("/{DID}") => answer(200, &self.document()),
            "/oauth/par" | "/oauth/token" | "/oauth/revoke" => self.issuer(method, path, headers, body),
            _ if path.starts_with("/xrpc/") => self.account(method, path, query, headers, body),
            _ => answer(404, &json!({})),
        }
    }

    fn metadata(&self) -> Value {
        let url = &self.url;
        let mut metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/oauth/authorize"),
            "token_endpoint": format!("{url}/oauth/token"),
            "pushed_authorization_request_endpoint": format!("{url}/oauth/par"),
            "revocation_endpoint": format!("{url}/oauth/revoke"),
            "scopes_supported": ["atproto"],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "dpop_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
        });
        if let Some((field, value)) = &self.says {
            metadata[*field] = value.clone();
        }
        metadata
    }

    fn document(&self) -> Value {
        json!({
            "id": DID,
            "alsoKnownAs": [format!("at://{}", self.claims.unwrap_or(HANDLE))],
            "service": [{ "id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": self.home }],
        })
    }

    /// The nonce of a side.
    fn nonce(&self, side: &str) -> String {
        format!("{side}-{}", self.nonce)
    }

    /// The name of the key that a proof is made with; none: the nonce is missing or old.
    fn check(&mut self, side: &str, method: &Method, path: &str, headers: &HeaderMap) -> Option<String> {
        let proof = headers["dpop"].to_str().unwrap();
        let header = proof.split('.').next().unwrap();
        let header: Value = {
            use base64::Engine;
            let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        let jwk = header["jwk"].clone();
        let (_, claims) = verified(proof, &jwk);
        let token =
            headers.get("authorization").map(|value| value.to_str().unwrap().strip_prefix("DPoP ").unwrap());
        let expected = [
            ("typ", header["typ"].clone(), json!("dpop+jwt")),
            ("htm", claims["htm"].clone(), json!(method.as_str())),
            ("htu", claims["htu"].clone(), json!(format!("{}{path}", self.url))),
            ("ath", claims["ath"].clone(), token.map_or(Value::Null, |token| json!(digest(token)))),
        ];
        for (name, found, expected) in expected {
            if found != expected {
                self.failures.push(format!("{name} of {path}: {found}, not {expected}"));
            }
        }
        if !self.proofs.insert(claims["jti"].as_str().unwrap().to_owned()) {
            self.failures.push(format!("a proof for {path} came twice"));
        }
        let known = claims["nonce"] == self.nonce(side) && !self.never_content;
        if self.rotate || self.never_content {
            self.nonce += 1;
        }
        let thumbprint =
            digest(&format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]));
        known.then_some(thumbprint)
    }

    fn issuer(&mut self, method: &Method, path: &str, headers: &HeaderMap, body: &Bytes) -> Response {
        let answer = match self.check("issuer", method, path, headers) {
            Some(jkt) => self.grant(path, &jkt, form_urlencoded::parse(body).into_owned().collect()),
            None => {
                self.asked_by_issuer += 1;
                answer(400, &json!({ "error": "use_dpop_nonce" }))
            }
        };
        ([("dpop-nonce", self.nonce("issuer"))], answer).into_response()
    }

    fn grant(&mut self, path: &str, jkt: &str, form: HashMap<String, String>) -> Response {
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let invalid = |why: &str| answer(400, &json!({ "error": "invalid_grant", "error_description": why }));
        match (path, field("grant_type").as_str()) {
            ("/oauth/par", _) => {
                (self.pushed, self.jkt) = (form, Some(jkt.to_owned()));
                answer(201, &json!({ "request_uri": "urn:the-request", "expires_in": 300 }))
            }
            ("/oauth/revoke", _) => {
                (self.revoked, self.generation) = (self.revoked + 1, None);
                answer(200, &json!({}))
            }
            (_, "authorization_code") => {
                self.exchanges += 1;
                let pushed = |name: &str| self.pushed.get(name).cloned().unwrap_or_default();
                let same = ["client_id", "redirect_uri"].iter().all(|name| field(name) == pushed(name));
                if !same
                    || digest(&field("code_verifier")) != pushed("code_challenge")
                    || self.jkt.as_deref() != Some(jkt)
                {
                    return invalid("another one began");
                }
                self.generation = Some(0);
                self.tokens()
            }
            (_, "refresh_token") => {
                self.refreshes += 1;
                if let Some(status) = self.refuse.take() {
                    return answer(status, &json!({}));
                }
                let current = self.generation.map(|generation| format!("refresh-{generation}"));
                if current != Some(field("refresh_token")) || self.jkt.as_deref() != Some(jkt) {
                    self.generation = None;
                    return invalid("Refresh token replayed");
                }
                self.generation = self.generation.map(|generation| generation + 1);
                if std::mem::take(&mut self.cut) {
                    // less than it announces: whoever reads it has no answer
                    let body =
                        axum::body::Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>("cut")]));
                    return Response::new(body);
                }
                self.tokens()
            }
            _ => answer(400, &json!({ "error": "invalid_request" })),
        }
    }

    fn tokens(&mut self) -> Response {
        let generation = self.generation.unwrap_or_default();
        let mut tokens = json!({
            "access_token": format!("access-{generation}"), "refresh_token": format!("refresh-{generation}"),
            "token_type": "DPoP", "expires_in": 3600, "scope": "atproto transition:generic", "sub": self.sub,
        });
        if let Some((field, value)) = self.change.take() {
            tokens[field] = value;
        }
        answer(200, &tokens)
    }

    fn account(
        &mut self,
        method: &Method,
        path: &str,
        _query: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response {
        let answer = match self.check("account", method, path, headers) {
            None => {
                self.asked_by_account += 1;
                let challenge = r#"DPoP algs="ES256", error="use_dpop_nonce""#;
                let body = json!({ "error": "use_dpop_nonce", "message": "x" });
                ([("www-authenticate", challenge)], answer(401, &body)).into_response()
            }
            Some(jkt) if self.jkt.as_ref() != Some(&jkt) || self.generation.is_none() => {
                answer(401, &json!({ "error": "invalid_token", "message": "Invalid DPoP key binding" }))
            }
            Some(_) => self.call(path, body),
        };
        ([("dpop-nonce", self.nonce("account"))], answer).into_response()
    }

    fn call(&mut self, path: &str, body: &Bytes) -> Response {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        match path {
            "/xrpc/com.atproto.repo.putRecord" => {
                let uri = format!("at://{DID}/app.bsky.feed.post/{}", json["rkey"].as_str().unwrap());
                answer(200, &json!({ "uri": uri, "cid": "bafy" }))
            }
            "/xrpc/com.atproto.repo.uploadBlob" => {
                self.uploads += 1;
                let blob = json!({ "$type": "blob", "ref": { "$link": "bafk" }, "mimeType": "video/mp4", "size": body.len() });
                answer(200, &json!({ "blob": blob }))
            }
            _ => answer(200, &json!({})),
        }
    }
}

//! The one HTTP client for platforms: limits on time and size, no redirects, no secret in an error.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use tracing::{Instrument, Span};
use zeroize::Zeroizing;

use crate::address::{self, Forbidden, PublicResolver};
use crate::error::{Error, chain};
use crate::metrics::{Meter, Metrics};
use crate::providers::Reach;
use crate::spans;
use crate::tls;

/// How long a connection may take, the handshake included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a call may take from the first to the last byte.
pub(crate) const CALL: Duration = Duration::from_secs(30);
/// The most bytes an answer may have where nobody says otherwise. Those of an API are small.
const MAX_ANSWER: usize = 1024 * 1024;
/// Some servers refuse callers without a name.
pub(crate) const USER_AGENT: &str =
    concat!("crierd/", env!("CARGO_PKG_VERSION"), " (Crier publishing sidecar)");

/// Calls platforms.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Whether this machine may be called.
    allow_loopback: bool,
    /// Counts the calls.
    meter: Option<Meter>,
}

/// What a platform answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// May hold tokens: wiped when dropped.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// Proven that the platform got nothing: no such host, connection refused, TLS failed.
    NotSent(String),
    /// It may have got everything.
    Unclear(String),
}

impl Client {
    /// Makes the client. It calls what the operator has named too, which may be next door.
    pub fn new() -> Result<Self, Error> {
        let http = builder(PublicResolver { allow_localhost: true })?
            .timeout(CALL)
            .build()
            .map_err(|error| Error::Tls(chain(&error)))?;
        Ok(Self { http, allow_loopback: true, meter: None })
    }

    /// The same client, whose calls are counted once it is known for what platform they are.
    #[must_use]
    pub(crate) fn measured_by(self, metrics: Metrics) -> Self {
        Self { meter: Some(Meter::new(metrics)), ..self }
    }

    /// The same client for one platform.
    #[must_use]
    pub(crate) fn of_a_platform(&self) -> Self {
        Self { meter: self.meter.as_ref().map(Meter::of_another), ..self.clone() }
    }

    /// Says which platform that is.
    pub(crate) fn is_of(&self, platform: &'static str) {
        self.meter.iter().for_each(|meter| meter.is_of(platform));
    }

    /// The same client for what a tenant, or a stranger's document, has named.
    #[must_use]
    pub(crate) fn within(&self, reach: Reach) -> Self {
        Self { allow_loopback: reach.allow_loopback, ..self.clone() }
    }

    /// A request, not yet sent.
    pub(crate) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        self.send_up_to(MAX_ANSWER, request).await
    }

    /// The same, where an answer may be larger than usual: lists of long texts.
    pub(crate) async fn send_up_to(&self, max: usize, request: RequestBuilder) -> Result<Answer, CallError> {
        let (begun, span) = (Instant::now(), self.span());
        let answer = self.read(max, request, &span).instrument(span.clone()).await;
        spans::answered(&span, answer.as_ref().map(|answer| answer.status));
        self.meter.iter().for_each(|meter| meter.called(&answer, begun.elapsed()));
        answer
    }

    /// What is recorded of a call; nothing of one that is not known to be a platform's.
    fn span(&self) -> Span {
        self.meter.as_ref().and_then(Meter::platform).map_or_else(Span::none, spans::call)
    }

    async fn read(&self, max: usize, request: RequestBuilder, span: &Span) -> Result<Answer, CallError> {
        let mut response = self.execute(request, span).await?;
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(call_error)? {
            if body.len() + chunk.len() > max {
                return Err(CallError::Unclear(format!("the answer is larger than {max} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    /// Sends a request and reads nothing of the answer but its status.
    pub(crate) async fn status(&self, request: RequestBuilder) -> Result<u16, CallError> {
        let span = self.span();
        let response = self.execute(request, &span).instrument(span.clone()).await;
        let status = response.map(|response| response.status().as_u16());
        spans::answered(&span, status.as_ref().copied());
        status
    }

    /// Sends a request where the address may be called, whoever has named it and however long ago it was checked. What a peer
    /// answers that is not allowed counts as no answer.
    async fn execute(&self, request: RequestBuilder, span: &Span) -> Result<Response, CallError> {
        let (http, request) = request.build_split();
        let request = request.map_err(call_error)?;
        spans::calls(span, &request);
        let is_here = address::check_call(request.url(), self.allow_loopback)
            .map_err(|why| CallError::NotSent(why.to_string()))?;
        let response = http.execute(request).await.map_err(call_error)?;
        let is_allowed = |ip: IpAddr| if is_here { ip.is_loopback() } else { address::is_public(ip) };
        match response.remote_addr() {
            Some(peer) if !is_allowed(peer.ip()) => Err(CallError::Unclear(Forbidden::Private.to_string())),
            _ => Ok(response),
        }
    }
}

/// What every client of the sidecar has in common. No proxy: it would resolve names by itself.
pub(crate) fn builder(resolver: PublicResolver) -> Result<reqwest::ClientBuilder, Error> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config(None)?)
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .dns_resolver(resolver))
}

/// Adds a bearer token that no debug output shows.
pub(crate) fn bearer(request: RequestBuilder, token: &SecretString) -> RequestBuilder {
    token_as(request, "Bearer", token)
}

/// Adds a token under another name than `Bearer`.
pub(crate) fn token_as(request: RequestBuilder, scheme: &str, token: &SecretString) -> RequestBuilder {
    authorized(request, &Zeroizing::new(format!("{scheme} {}", token.expose_secret())))
}

/// Adds a name and a password that no debug output shows.
pub(crate) fn basic(request: RequestBuilder, name: &str, password: &SecretString) -> RequestBuilder {
    let pair = Zeroizing::new(format!("{name}:{}", password.expose_secret()));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    authorized(request, &Zeroizing::new(format!("Basic {}", encoded.as_str())))
}

fn authorized(request: RequestBuilder, text: &str) -> RequestBuilder {
    match HeaderValue::from_str(text) {
        Ok(mut value) => {
            value.set_sensitive(true);
            request.header(reqwest::header::AUTHORIZATION, value)
        }
        // Not a header value: the platform answers that a token is missing.
        Err(_) => request,
    }
}

fn call_error(error: reqwest::Error) -> CallError {
    let forbidden = address::forbidden(&error);
    let never_sent = error.is_connect() || error.is_builder() || forbidden.is_some();
    // An address can carry a token.
    let text = forbidden.map_or_else(|| chain(&error.without_url()), |why| why.to_string());
    if never_sent { CallError::NotSent(text) } else { CallError::Unclear(text) }
}

impl Answer {
    /// A header as text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    async fn get(url: &str) -> Result<u16, CallError> {
        let client = Client::new().unwrap();
        let request = bearer(client.request(Method::GET, url), &"hidden".into());
        assert!(!format!("{request:?}").contains("hidden"));
        let named = basic(client.request(Method::GET, url), "app", &"hidden".into());
        // app:hidden
        assert!(!format!("{named:?}").contains("YXBwOmhpZGRlbg"));
        client.send(request).await.map(|answer| answer.status)
    }

    #[tokio::test]
    async fn a_refused_connection_proves_that_nothing_was_sent() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let result = get(&format!("http://{free}/?token=canary")).await;
        assert!(matches!(&result, Err(CallError::NotSent(text)) if !text.contains("canary")), "{result:?}");
        let result = get("http://host.invalid/").await;
        assert!(matches!(result, Err(CallError::NotSent(_))), "{result:?}");
    }

    /// Answers one connection with these bytes and closes it.
    async fn serve_once(bytes: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/?token=canary", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 64];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await;
            let _ = stream.write_all(&bytes).await;
        });
        url
    }

    #[tokio::test]
    async fn a_connection_cut_before_the_answer_is_unclear() {
        for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
            let result = get(&serve_once(answer.into()).await).await;
            assert!(
                matches!(&result, Err(CallError::Unclear(text)) if !text.contains("canary")),
                "{result:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        answer.resize(MAX_ANSWER + 100_000, b' ');
        let result = get(&serve_once(answer).await).await;
        assert!(matches!(result, Err(CallError::Unclear(_))), "{result:?}");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_like_any_other() {
        let answer =
            b"HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n".to_vec();
        assert_eq!(get(&serve_once(answer).await).await, Ok(302));
    }
}

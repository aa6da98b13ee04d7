//! No other site's page makes a person's browser do anything here: each form carries a token that only a page of the same session
//! knows, and browsers that say where a request comes from are believed when it is from elsewhere.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::cookie::Cookie;
use super::fields::Fields;
use super::stop::Stop;
use crate::http::body;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// A text of 100,000 letters, each as long as it can be in a form.
const MAX_FORM: usize = 1 << 20;
/// The field of every form.
pub(super) const FIELD: &str = "csrf";

/// The token of a session's forms. Who knows it does not know the session, and nobody has it who does not.
pub(super) fn token(session: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"crier dashboard forms v1\0");
    hash.update(session);
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// A form of the session's own pages. Whoever takes it stands behind one who takes the person: that verifies the session.
#[derive(Debug)]
pub(super) struct Form(pub(super) Fields);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Stop;

    async fn from_request(request: Request, _: &S) -> Result<Self, Stop> {
        let (head, body) = request.into_parts();
        let session = Cookie::Session.read(&head.headers).ok_or(Stop::Forged)?;
        read(session, &head.headers, body).await.map(Self)
    }
}

/// Reads a form of a session, if it is one of its pages'.
pub(super) async fn read(session: &str, headers: &HeaderMap, body: Body) -> Result<Fields, Stop> {
    if headers.get(SEC_FETCH_SITE).is_some_and(|site| site != "same-origin") {
        return Err(Stop::Forged);
    }
    let fields = read_any(headers, body).await?;
    let shown = fields.get(FIELD).unwrap_or_default();
    match shown.as_bytes().ct_eq(token(session).as_bytes()).into() {
        true => Ok(fields),
        false => Err(Stop::Forged),
    }
}

/// Reads a form of whomever it is.
pub(super) async fn read_any(headers: &HeaderMap, body: Body) -> Result<Fields, Stop> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Stop::Malformed("the form has to be sent as application/x-www-form-urlencoded".into()));
    }
    let bytes = body::read(headers, body, MAX_FORM).await.map_err(Stop::Unread)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Stop::Malformed("the form is not text".into()))?;
    Ok(Fields::of(text))
}

/// Whether a person may be signed in from where the request comes from: these pages, or one of the origins that are allowed to.
/// Otherwise anybody could sign people in as somebody else, and read what they then write.
pub(super) fn may_sign_in(headers: &HeaderMap, allowed: &[String]) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN);
    if origin.is_some_and(|origin| allowed.iter().any(|one| one == origin)) {
        return true;
    }
    match (text(SEC_FETCH_SITE), origin) {
        (Some(site), _) => site == "same-origin",
        // no browser: they all send one of the two
        (None, None) => true,
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(HOST)
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    #[tokio::test]
    async fn a_form_needs_the_token_of_its_session() {
        let good = format!("a=1&csrf={}", token("one"));
        let read = async |session, text: &str, of: &[_]| {
            read(session, &headers(of), Body::from(text.to_owned())).await
        };
        assert_eq!(read("one", &good, &[FORM]).await.unwrap().get("a"), Some("1"));
        assert!(read("one", &good, &[FORM, ("sec-fetch-site", "same-origin")]).await.is_ok());
        for (session, text, of) in [
            ("two", &good[..], &[FORM][..]),
            ("one", "a=1", &[FORM]),
            ("one", "a=1&csrf=", &[FORM]),
            ("one", &good, &[FORM, ("sec-fetch-site", "cross-site")]),
            ("one", &good, &[FORM, ("sec-fetch-site", "same-site")]),
        ] {
            assert!(matches!(read(session, text, of).await, Err(Stop::Forged)), "{session} {text} {of:?}");
        }
        let json = read("one", &good, &[("content-type", "application/json")]).await;
        assert!(matches!(json, Err(Stop::Malformed(_))), "{json:?}");
    }

    #[test]
    fn nobody_is_signed_in_from_elsewhere() {
        let allowed = ["https://app.example".to_owned()];
        let may = |of: &[_]| may_sign_in(&headers(of), &allowed);
        assert!(may(&[("sec-fetch-site", "same-origin"), ("origin", "https://crier.example")]));
        assert!(may(&[("sec-fetch-site", "cross-site"), ("origin", "https://app.example")]));
        assert!(may(&[("origin", "https://crier.example"), ("host", "crier.example")]));
        assert!(may(&[]));
        assert!(!may(&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]));
        assert!(!may(&[("sec-fetch-site", "cross-site")]));
        assert!(!may(&[("origin", "https://evil.example"), ("host", "crier.example")]));
        assert!(!may(&[("origin", "null"), ("host", "crier.example")]));
    }
}

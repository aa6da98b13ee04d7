//! What OAuth 2 is on every platform: PKCE, the address a person is sent to, the exchange of a code, granted scopes.
//!
//! By hand on the one HTTP client rather than with the crate `oauth2`: that one reads answers strictly, and a field that Meta
//! leaves out or a server gets wrong would cost a code that is good once; what else it does is a form and an address.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::answer::{Fields, Phase, content, retry_at, unclear};
use super::failure::clean;
use super::{App, Failure, UNKNOWN_APP};
use crate::client::{Answer, CallError, Client};
use crate::secrets::unguessable::{digest, unguessable};

/// The most characters of an error's name.
const MAX_CODE: usize = 80;

/// A proof that who brings the code is who began (RFC 7636).
#[derive(Debug)]
pub(super) struct Pkce {
    /// 43 characters; only the exchange shows it.
    pub(super) verifier: SecretString,
    /// What the person's browser carries.
    pub(super) challenge: String,
}

impl Pkce {
    /// A new one, with 256 random bits.
    pub(super) fn new() -> Result<Self, Failure> {
        unguessable()
            .map(Self::of)
            .map_err(|_| Failure::new(ErrorClass::Transient, "there are no random numbers for a login"))
    }

    fn of(verifier: String) -> Self {
        let challenge = digest(&verifier);
        Self { verifier: verifier.into(), challenge }
    }
}

/// The address a person is sent to, with these parameters added. It carries the state.
pub(super) fn address(endpoint: &str, params: &[(&str, &str)]) -> Result<SecretString, Failure> {
    let mut url = Url::parse(endpoint)
        .map_err(|_| Failure::new(ErrorClass::Config, "the address of the platform's page is not one"))?;
    url.query_pairs_mut().extend_pairs(params);
    Ok(String::from(url).into())
}

/// A form as a token endpoint takes it.
pub(super) fn form(client: &Client, endpoint: &str, params: &[(&str, &str)]) -> RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let request = client.request(Method::POST, endpoint);
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
}

/// What a token endpoint gives: only what a session needs is asked for, because the code is used up by now.
#[derive(Debug, Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: SecretString,
    #[serde(default)]
    pub(super) scope: Value,
}

/// The answer of a token endpoint that speaks as RFC 6749 says.
pub(super) fn tokens(answer: Result<Answer, CallError>) -> Result<Tokens, Failure> {
    let tokens: Tokens = answered(answer)?;
    if tokens.access_token.expose_secret().is_empty() {
        return Err(Failure::new(ErrorClass::Transient, "the answer holds no token"));
    }
    Ok(tokens)
}

/// What a token endpoint answers to a code, as far as it is a success.
pub(super) fn answered<T: DeserializeOwned>(answer: Result<Answer, CallError>) -> Result<T, Failure> {
    let answer = answer.map_err(|error| unclear(Phase::Login, &error))?;
    if !(200..=202).contains(&answer.status) {
        return Err(refused(&answer, SystemTime::now()));
    }
    content(Phase::Login, &answer).map(|Fields(told)| told)
}

/// An answer that is not a success (RFC 6749, 5.2).
pub(super) fn refused(answer: &Answer, now: SystemTime) -> Failure {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let name = name(answer);
    let (class, code) = match (answer.status, name.as_str()) {
        (429, _) => (ErrorClass::RateLimited, name),
        (500.., _) => (ErrorClass::Transient, name),
        // some say so with 400, and some say 401 without a name
        (_, "invalid_client" | "unauthorized_client") | (401 | 403, "") => {
            (ErrorClass::Config, UNKNOWN_APP.to_owned())
        }
        (_, "temporarily_unavailable" | "server_error") => (ErrorClass::Transient, name),
        // a code that is unknown, too old or used, or not of this redirect URI; some servers have names of their own
        (400..500, _) => (ErrorClass::AuthRevoked, name),
        _ => (ErrorClass::Transient, name),
    };
    let said = json["error_description"].as_str().filter(|text| !text.is_empty());
    let message = match (said, code.as_str()) {
        (Some(said), _) => said.to_owned(),
        (None, "") => format!("the server answered {}", answer.status),
        (None, code) => format!("the server answered {code}"),
    };
    Failure {
        status: Some(answer.status),
        code: (!code.is_empty()).then_some(code),
        retry_at: (class == ErrorClass::RateLimited).then(|| retry_at(answer, None, now)),
        ..Failure::new(class, message)
    }
}

/// An answer to a refresh that is not a success. A grant is only given up on a clear word about its token; whoever failed half-way
/// may have taken it.
pub(super) fn not_renewed(answer: &Answer, now: SystemTime) -> Failure {
    let failure = refused(answer, now);
    let class = match (answer.status, name(answer).as_str()) {
        (429, _) => ErrorClass::RateLimited,
        (400 | 401, "invalid_grant") => ErrorClass::AuthRevoked,
        (400..=403, "invalid_client" | "unauthorized_client" | "unsupported_grant_type") | (300..400, _) => {
            ErrorClass::Config
        }
        (408 | 409 | 425 | 500.., _) => ErrorClass::OutcomeUnknown,
        _ => ErrorClass::Transient,
    };
    Failure { class, ..failure }
}

/// What an answer that is not a success calls its error.
fn name(answer: &Answer) -> String {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    clean(json["error"].as_str().unwrap_or_default(), MAX_CODE)
}

/// The scopes an answer names: a text with blanks or commas, or a list. One that names none has given what was asked for
/// (RFC 6749, 5.1).
pub(super) fn granted(scope: &Value, asked: &[&str]) -> Vec<String> {
    let split = |text: &str| -> Vec<String> {
        text.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
    };
    match scope {
        Value::String(text) => split(text),
        Value::Array(list) => list.iter().filter_map(Value::as_str).flat_map(split).collect(),
        _ => asked.iter().map(|scope| (*scope).to_owned()).collect(),
    }
}

/// Which of the scopes are missing: of those that are needed none may be.
pub(super) fn missing(
    granted: &[String],
    needed: &[&str],
    useful: &[&str],
    covers: impl Fn(&str, &str) -> bool,
) -> Result<Vec<String>, Failure> {
    let is_missing = |scope: &&&str| !granted.iter().any(|given| covers(given, scope));
    let lost: Vec<_> = needed.iter().filter(is_missing).copied().collect();
    if !lost.is_empty() {
        let message = format!("the account was granted without {}", lost.join(", "));
        return Err(Failure::new(ErrorClass::Permission, message));
    }
    Ok(useful.iter().filter(is_missing).map(|scope| (*scope).to_owned()).collect())
}

/// The operator's app, or what to do about there being none.
pub(super) fn own_app<'a>(app: Option<&'a App>, platform: &str) -> Result<&'a App, Failure> {
    app.ok_or_else(|| {
        let variable = platform.to_uppercase();
        let message = format!(
            "accounts are connected there by an app of the operator's own: set platforms.{platform}.client_id \
             (CRIER_{variable}_CLIENT_ID) and platforms.{platform}.client_secret_file"
        );
        Failure::new(ErrorClass::Config, message)
    })
}

/// The only server a platform has; what a tenant names must be that one, because it gets the app's secret.
pub(super) fn only_server(known: &[&str], named: Option<&str>) -> Result<String, Failure> {
    let first = known.first().copied().unwrap_or_default();
    let Some(named) = named else { return Ok(first.to_owned()) };
    let found = known.iter().find(|known| **known == named.trim_end_matches('/'));
    found.map(|known| (*known).to_owned()).ok_or_else(|| {
        Failure::new(
            ErrorClass::Config,
            format!("the platform has no such server, but {}", known.join(" and ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{answer, now};
    use serde_json::json;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B
        let pkce = Pkce::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into());
        assert_eq!(pkce.challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let (one, other) = (Pkce::new().unwrap(), Pkce::new().unwrap());
        assert_eq!(one.verifier.expose_secret().len(), 43);
        assert_ne!(one.challenge, other.challenge);
        assert!(!format!("{one:?}").contains(one.verifier.expose_secret()));
    }

    #[test]
    fn parameters_are_added_to_an_address() {
        let url = address("https://a.example/x?y=1", &[("state", "a&b c")]).unwrap();
        assert_eq!(url.expose_secret(), "https://a.example/x?y=1&state=a%26b+c");
        assert!(address("nowhere", &[]).is_err());
    }

    #[test]
    fn refusals_have_their_classes() {
        for (status, body, class, code) in [
            (401, r#"{"error":"invalid_client"}"#, ErrorClass::Config, Some("invalid_client")),
            (400, r#"{"error":"invalid_client"}"#, ErrorClass::Config, Some("invalid_client")),
            (401, "", ErrorClass::Config, Some("invalid_client")),
            (400, r#"{"error":"invalid_grant"}"#, ErrorClass::AuthRevoked, Some("invalid_grant")),
            (400, r#"{"error":{"code":1}}"#, ErrorClass::AuthRevoked, None),
            (503, "<html>", ErrorClass::Transient, None),
            (302, "", ErrorClass::Transient, None),
            (429, "{}", ErrorClass::RateLimited, None),
        ] {
            let failure = refused(&answer(status, &[], body), now());
            assert_eq!((failure.class, failure.code.as_deref()), (class, code), "{status} {body}");
            assert_eq!(failure.retry_at.is_some(), status == 429);
        }
    }

    #[test]
    fn a_grant_is_given_up_on_a_clear_word_alone() {
        for (status, body, class) in [
            (400, r#"{"error":"invalid_grant"}"#, ErrorClass::AuthRevoked),
            (401, r#"{"error":"invalid_client"}"#, ErrorClass::Config),
            (302, "", ErrorClass::Config),
            (401, "", ErrorClass::Transient),
            (403, "<html>", ErrorClass::Transient),
            (400, r#"{"error":"invalid_request"}"#, ErrorClass::Transient),
            (404, r#"{"error":"invalid_grant"}"#, ErrorClass::Transient),
            (500, r#"{"error":"invalid_grant"}"#, ErrorClass::OutcomeUnknown),
            (408, "", ErrorClass::OutcomeUnknown),
            (429, "", ErrorClass::RateLimited),
        ] {
            assert_eq!(not_renewed(&answer(status, &[], body), now()).class, class, "{status} {body}");
        }
    }

    #[test]
    fn an_odd_field_does_not_cost_the_token() {
        let read = |body: &str| tokens(Ok(answer(200, &[], body)));
        let odd = read(r#"{"access_token":"a","token_type":7,"expires_in":"soon","scope":null}"#).unwrap();
        assert_eq!(odd.access_token.expose_secret(), "a");
        for none in ["", "{}", r#"{"access_token":""}"#, r#"{"access_token":null}"#] {
            assert_eq!(read(none).unwrap_err().class, ErrorClass::Transient, "{none}");
        }
    }

    #[test]
    fn what_was_not_granted_is_told() {
        let same = |given: &str, wanted: &str| given == wanted;
        assert_eq!(granted(&json!("a b,c"), &[]), ["a", "b", "c"]);
        assert_eq!(granted(&json!(["a", "b"]), &[]), ["a", "b"]);
        assert_eq!(granted(&json!(null), &["x"]), ["x"]);
        let given = granted(&json!("a"), &[]);
        assert_eq!(missing(&given, &["a"], &["b"], same).unwrap(), ["b"]);
        let lost = missing(&given, &["a", "c"], &[], same).unwrap_err();
        assert_eq!(lost.class, ErrorClass::Permission);
        assert!(lost.message.contains('c'), "{lost}");
    }

    #[test]
    fn a_tenant_names_no_server_that_would_get_the_secret() {
        let known = ["https://api.x.com"];
        assert_eq!(only_server(&known, None).unwrap(), known[0]);
        assert_eq!(only_server(&known, Some("https://api.x.com/")).unwrap(), known[0]);
        for evil in ["https://api.x.com.evil.example", "http://api.x.com", "https://evil.example", ""] {
            assert!(only_server(&known, Some(evil)).is_err(), "{evil}");
        }
    }
}

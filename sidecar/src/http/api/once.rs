//! `Idempotency-Key` of requests that POST: what is asked for again under the same key is answered again, and not done again.

use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderName};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::route::{Method, Route};
use crate::db::api::{Clash, Once};
use crate::http::problem::Problem;

/// In which a caller names a request.
pub(super) const KEY: &str = "idempotency-key";
/// That an answer was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key, in bytes.
pub(super) const MAX_KEY: usize = 255;

/// The key of a request, where it has one that counts.
pub(super) fn key<'a>(route: &Route, headers: &'a HeaderMap) -> Result<Option<&'a str>, Problem> {
    let mut given = headers.get_all(KEY).iter();
    match (route.method, given.next(), given.next()) {
        (Method::Post, Some(key), None) => match key.to_str() {
            Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key)),
            _ => Err(bad("it has to be 1 to 255 letters, digits and signs of ASCII")),
        },
        (Method::Post, Some(_), Some(_)) => Err(bad("it is given more than once")),
        _ => Ok(None),
    }
}

fn bad(problem: &str) -> Problem {
    let detail = format!("Idempotency-Key: {problem}");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).because("invalid_argument")
}

/// What is to be done under a key. The same arguments in another order, or with other blanks, are the same.
pub(super) fn of<'a>(route: &Route, arguments: &Value, key: &'a str) -> Once<'a> {
    // the key is in it too: nobody finds out by the hash of another's who asked for the same
    let asked = [route.path, "\n", key, "\n", &arguments.to_string()].concat();
    Once { key, request: Sha256::digest(asked).into(), keeps: !route.is_secret }
}

/// What a caller is told whose key is of no use; true: it may be of use in a moment.
pub(super) fn refused(clash: Clash) -> (Problem, bool) {
    let (status, reason, detail) = match clash {
        Clash::UnderWay => (
            StatusCode::CONFLICT,
            "idempotency_key_in_use",
            "a request with this Idempotency-Key is under way",
        ),
        Clash::OtherRequest => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "this Idempotency-Key was used for another request",
        ),
        Clash::NotKept => (
            StatusCode::CONFLICT,
            "idempotency_answer_not_kept",
            "it was done before with this Idempotency-Key, but what it was answered is not kept: it is too long, or a secret",
        ),
    };
    (Problem::new(status, detail).because(reason), clash == Clash::UnderWay)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::routes;
    use super::*;

    fn route(operation: (Method, &str)) -> &'static Route {
        routes::all().find(|route| (route.method, route.path) == operation).unwrap()
    }

    fn headers(keys: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for key in keys {
            headers.append(KEY, axum::http::HeaderValue::from_bytes(key).unwrap());
        }
        headers
    }

    #[test]
    fn a_key_counts_where_something_is_posted() {
        let (post, get) = (route((Method::Post, "/v1/posts")), route((Method::Get, "/v1/posts")));
        let long = [b'k'; 256];
        assert_eq!(key(post, &headers(&[b"a \"key\""])).unwrap(), Some("a \"key\""));
        assert_eq!(key(post, &headers(&[&long[1..]])).unwrap().map(str::len), Some(255));
        assert_eq!(key(post, &headers(&[])).unwrap(), None);
        for bad in [&[&b""[..]][..], &[&long], &[&[0xe9]], &[b"a", b"a"]] {
            assert_eq!(key(post, &headers(bad)).unwrap_err().status, 422, "{bad:?}");
            assert_eq!(key(get, &headers(bad)).unwrap(), None);
        }
    }

    #[test]
    fn a_request_is_told_by_its_route_and_its_arguments() {
        let (post, jobs) = (route((Method::Post, "/v1/posts")), route((Method::Post, "/v1/jobs")));
        let (one, two) = (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}));
        let hash = |route: &Route, arguments: &Value| of(route, arguments, "k").request;
        assert_eq!(hash(post, &one), hash(post, &two));
        for (route, arguments) in
            [(jobs, one.clone()), (post, json!({"a": 1})), (post, json!({"a": 1, "b": 3}))]
        {
            assert_ne!(hash(post, &one), hash(route, &arguments), "{arguments}");
        }
        assert_ne!(hash(post, &one), of(post, &one, "l").request);
    }

    #[test]
    fn answers_with_a_secret_are_not_kept() {
        let keeps = |path| of(route((Method::Post, path)), &json!({}), "k").keeps;
        assert!(keeps("/v1/posts"));
        for path in ["/v1/accounts/connect", "/v1/accounts/confirm", "/v1/api-keys"] {
            assert!(!keeps(path), "{path}");
        }
    }
}

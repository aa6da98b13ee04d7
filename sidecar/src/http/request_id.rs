//! A number for each request: it is in every line that is logged meanwhile, and in the answer. A caller's own number is not taken
//! over: anybody could write what they like into the log.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::hex::hex;
use crate::spans;

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a request under a number of its own.
pub(super) async fn numbered(request: Request, next: Next) -> Response {
    // Without entropy all have the same number, which spoils nothing but the log.
    let id = hex(&getrandom::u64().unwrap_or_default().to_be_bytes());
    answered(&id, request, next).await
}

/// Answers a request under this number.
pub(super) async fn answered(id: &str, request: Request, next: Next) -> Response {
    let mut answer = next.run(request).instrument(spans::request(id)).await;
    if let Ok(id) = HeaderValue::from_str(id) {
        answer.headers_mut().insert(HEADER, id);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;

    #[tokio::test]
    async fn every_answer_has_a_number_of_its_own() {
        let router = Router::new().route("/", get(|| async { "ok" })).layer(from_fn(numbered));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = crate::client::Client::new().unwrap();
        let mut numbers = Vec::new();
        for path in ["/", "/", "/nowhere"] {
            let request =
                client.request(reqwest::Method::GET, &format!("{url}{path}")).header(HEADER, "mine");
            let answer = client.send(request).await.unwrap_or_else(|error| panic!("{error:?}"));
            numbers.push(answer.header(&HEADER).unwrap().to_owned());
        }
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 3, "{numbers:?}");
        assert!(numbers.iter().all(|number| number.len() == 16), "{numbers:?}");
    }
}

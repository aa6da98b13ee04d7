//! HTTP clients. Built together with the sidecar, they share its TLS, which wants to be told which cryptography to use.

use std::sync::Once;

/// A client for servers on this machine.
pub fn client() -> reqwest::Client {
    builder().build().unwrap_or_else(|error| panic!("no client: {error}"))
}

/// The same, to be set.
pub fn builder() -> reqwest::ClientBuilder {
    static CHOOSE: Once = Once::new();
    CHOOSE.call_once(|| {
        // Refused only where it was chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
}

/// The answer to a GET.
pub async fn get(url: impl reqwest::IntoUrl) -> reqwest::Result<reqwest::Response> {
    client().get(url).send().await
}

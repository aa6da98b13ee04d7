//! Servers that anybody runs: how one is named, and what it is called in the names of its accounts.

use url::Url;

use super::{Failure, Reach};

/// The server that is meant by `https://a.example`, `a.example` or `@alice@a.example`.
pub(super) fn server(named: Option<&str>, usual: &str, reach: Reach) -> Result<String, Failure> {
    let named = named.unwrap_or(usual).trim();
    if named.contains("://") {
        return reach.check(named);
    }
    let host = named.rsplit('@').next().unwrap_or_default();
    reach.check(&format!("https://{host}"))
}

/// The host of a server, as it stands in handles.
pub(super) fn host(base_url: &str) -> String {
    let url = Url::parse(base_url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    match url.as_ref().and_then(Url::port) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_names_the_server() {
        assert_eq!(host("https://a.example"), "a.example");
        assert_eq!(host("http://127.0.0.1:3000/mastodon"), "127.0.0.1:3000");
        assert_eq!(host("x"), "");
    }
}

//! `http.public_url` and `[oauth]`: where people and platforms reach this sidecar, and where people may be sent afterwards.

use url::{Origin, Url};

use super::reader::Reader;
use crate::address::{check_base, check_loopback};
use crate::providers::Reach;

/// How accounts are connected by OAuth.
#[derive(Debug, Clone, Default)]
pub struct OAuth {
    /// Where people and platforms reach this sidecar, without a slash at the end; without it, nobody can connect.
    pub public_url: Option<String>,
    /// The origins of applications: nobody is sent back anywhere else.
    pub return_origins: Vec<Origin>,
    /// Where what tenants name may lead to.
    pub reach: Reach,
}

impl OAuth {
    /// The address an application wants a person to be sent back to, if it is one of an application.
    pub(crate) fn return_url(&self, url: &str) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        (plain && self.return_origins.contains(&url.origin())).then_some(url)
    }
}

pub(super) fn resolve(read: &mut Reader<'_>) -> OAuth {
    let key = "http.public_url";
    let public_url = read.text(key, "CRIER_PUBLIC_URL").and_then(|url| match check_base(&url) {
        Ok(url) => Some(url),
        Err(why) => {
            read.problem(format!("{key} is {url:?}: {why}; it must be like https://crier.example"));
            None
        }
    });
    let key = "oauth.return_origins";
    let listed = read.list(key, "CRIER_OAUTH_RETURN_ORIGINS");
    let return_origins = listed.iter().filter_map(|text| {
        let found = origin(text);
        if found.is_none() {
            read.problem(format!(
                "{key} has {text:?}; it must be an origin like https://app.example (http on loopback only), without a path"
            ));
        }
        found
    });
    let return_origins = return_origins.collect();
    let allow_loopback = read.flag("oauth.allow_loopback", "CRIER_OAUTH_ALLOW_LOOPBACK", false);
    OAuth { public_url, return_origins, reach: Reach { allow_loopback } }
}

/// An origin as browsers write it.
pub(super) fn origin(text: &str) -> Option<Origin> {
    let url = Url::parse(text).ok()?;
    let allowed = url.scheme() == "https" || check_loopback(text).is_ok();
    (allowed && url.origin().ascii_serialization() == text).then(|| url.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reader;

    fn read(text: &str) -> Result<OAuth, Vec<String>> {
        reader::read(text, resolve)
    }

    #[test]
    fn people_are_sent_back_to_applications_only() {
        let oauth = read(
            "[oauth]\nreturn_origins = ['https://app.example', 'http://localhost:3000']\n[http]\npublic_url = 'https://crier.example/'",
        )
        .unwrap();
        assert_eq!(oauth.public_url.as_deref(), Some("https://crier.example"));
        for good in ["https://app.example", "https://app.example/a?b=c", "http://localhost:3000/x"] {
            assert!(oauth.return_url(good).is_some(), "{good}");
        }
        for bad in [
            "https://app.example.evil.example/",
            "https://evil.example/https://app.example",
            "http://app.example/",
            "https://app.example:8443/",
            "https://app.example@evil.example/",
            "https://u:p@app.example/",
            "https://sub.app.example/",
            "//app.example",
            "javascript:alert(1)",
            "https://app.example/#x",
            "http://localhost:3001/",
            "",
        ] {
            assert!(oauth.return_url(bad).is_none(), "{bad}");
        }
        assert!(read("").unwrap().return_url("https://app.example").is_none());
    }

    #[test]
    fn an_origin_is_no_address() {
        for bad in [
            "https://a.example/",
            "https://a.example/x",
            "http://a.example",
            "a.example",
            "*",
            "null",
            "https://*.a.example/",
        ] {
            assert!(read(&format!("oauth.return_origins = ['{bad}']")).is_err(), "{bad}");
        }
        for bad in ["7", "[7]", "''", "['']", "true"] {
            assert!(read(&format!("oauth.return_origins = {bad}")).is_err(), "{bad}");
        }
        assert_eq!(
            read("oauth.return_origins = 'https://a.example, https://b.example'")
                .unwrap()
                .return_origins
                .len(),
            2
        );
        for bad in ["http://crier.example", "crier.example", "https://crier.example/?a=b"] {
            assert!(read(&format!("http.public_url = '{bad}'")).is_err(), "{bad}");
        }
    }
}

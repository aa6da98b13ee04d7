//! The browser a login began in: a cookie that the platform's answer has to come with.

use secrecy::SecretString;
use uuid::Uuid;

use super::once::is_same;
use crate::db::Login;

/// What binds a login to a browser.
#[derive(Debug)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: SecretString,
    pub(crate) secure: bool,
}

impl Cookie {
    /// Named after the login, so that several can be under way in one browser. The prefix has browsers insist on https and
    /// on this host alone.
    pub(super) fn new(login: Uuid, value: SecretString, public_url: &str) -> Self {
        let secure = is_secure(public_url);
        Self { name: cookie_name(login, secure), value, secure }
    }
}

/// Whether browsers keep the prefix for us: nobody but this host can have set such a cookie then.
fn is_secure(public_url: &str) -> bool {
    public_url.starts_with("https://")
}

fn cookie_name(login: Uuid, secure: bool) -> String {
    let random = &login.simple().to_string()[20..];
    if secure { format!("__Host-crier-login-{random}") } else { format!("crier-login-{random}") }
}

/// Whether the login began in the browser that has these cookies.
pub(super) fn is_this_browser(
    login: &Login,
    public_url: &str,
    cookie: impl Fn(&str) -> Option<String>,
) -> bool {
    let kept = cookie(&cookie_name(login.id, is_secure(public_url)));
    match (kept, &login.browser_hash) {
        (Some(kept), Some(stored)) => is_same(&kept, stored),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::once::hash;

    #[test]
    fn a_cookie_is_bound_to_its_login_and_its_host() {
        let login = Uuid::from_u128(7);
        let cookie = Cookie::new(login, "canary".to_owned().into(), "https://c.example");
        assert!(cookie.secure && cookie.name.starts_with("__Host-"), "{cookie:?}");
        assert!(!Cookie::new(login, "x".to_owned().into(), "http://127.0.0.1:1").secure);
        assert!(!format!("{cookie:?}").contains("canary"));
        assert_ne!(cookie.name, cookie_name(Uuid::from_u128(8), true));
    }

    #[test]
    fn a_cookie_that_any_host_could_have_set_counts_on_loopback_only() {
        let login = Login {
            workspace_id: Uuid::nil(),
            id: Uuid::from_u128(7),
            user_id: None,
            platform: "x".into(),
            server: None,
            again: None,
            return_url: String::new(),
            browser_hash: Some(hash("canary").to_vec()),
            sealed: None,
            allowed: true,
        };
        for (public_url, secure) in [("https://c.example", true), ("http://127.0.0.1:1", false)] {
            let has = |name: String| move |asked: &str| (asked == name).then(|| "canary".to_owned());
            assert!(is_this_browser(&login, public_url, has(cookie_name(login.id, secure))), "{public_url}");
            assert!(
                !is_this_browser(&login, public_url, has(cookie_name(login.id, !secure))),
                "{public_url}"
            );
            assert!(!is_this_browser(&login, public_url, |_| Some("other".into())), "{public_url}");
        }
    }
}

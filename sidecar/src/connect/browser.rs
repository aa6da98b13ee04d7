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
        let secure = public_url.starts_with("https://");
        Self { name: cookie_name(login, secure), value, secure }
    }
}

fn cookie_name(login: Uuid, secure: bool) -> String {
    let random = &login.simple().to_string()[20..];
    if secure { format!("__Host-crier-login-{random}") } else { format!("crier-login-{random}") }
}

/// Whether the login began in the browser that has these cookies.
pub(super) fn is_this_browser(login: &Login, cookie: impl Fn(&str) -> Option<String>) -> bool {
    let kept = [true, false].into_iter().find_map(|secure| cookie(&cookie_name(login.id, secure)));
    match (kept, &login.browser_hash) {
        (Some(kept), Some(stored)) => is_same(&kept, stored),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_bound_to_its_login_and_its_host() {
        let login = Uuid::from_u128(7);
        let cookie = Cookie::new(login, "canary".to_owned().into(), "https://c.example");
        assert!(cookie.secure && cookie.name.starts_with("__Host-"), "{cookie:?}");
        assert!(!Cookie::new(login, "x".to_owned().into(), "http://127.0.0.1:1").secure);
        assert!(!format!("{cookie:?}").contains("canary"));
        assert_ne!(cookie.name, cookie_name(Uuid::from_u128(8), true));
    }
}

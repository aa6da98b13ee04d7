//! The dashboard's cookies: the person's token, as it came, and the time zone they read times in. Neither is given to a script, to
//! another site's request, or sent without TLS; the prefix `__Host-` keeps servers of neighbouring names from planting one.

use axum::http::header::{COOKIE, HeaderMap, HeaderValue};

/// Browsers keep at most 4,096 bytes of a cookie, its name and attributes included.
pub(super) const MAX_TOKEN: usize = 3_900;
const ZONE_SECONDS: u64 = 365 * 24 * 60 * 60;

/// A cookie.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cookie {
    Session,
    Zone,
}

impl Cookie {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "__Host-crier",
            Self::Zone => "__Host-crier-zone",
        }
    }

    /// What a request brings. Two of one name are none: nobody knows whose each is.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name()).map(|(_, value)| value);
        let first = values.next().filter(|value| !value.is_empty())?;
        values.next().is_none().then_some(first)
    }

    /// Sets it for so long.
    pub(super) fn set(self, value: &str, seconds: u64) -> Option<HeaderValue> {
        let name = self.name();
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict"
        ))
        .ok()
    }

    /// Takes it away.
    pub(super) fn clear(self) -> Option<HeaderValue> {
        self.set("", 0)
    }
}

/// The zone of a person, by its name.
pub(super) fn set_zone(name: &str) -> Option<HeaderValue> {
    Cookie::Zone.set(name, ZONE_SECONDS)
}

/// Whether a token can stand in a cookie as it is.
pub(super) fn fits(token: &str) -> bool {
    token.len() <= MAX_TOKEN
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_once() {
        let mut headers = HeaderMap::new();
        headers.append(
            COOKIE,
            HeaderValue::from_static("x__Host-crier=no; __Host-crier=a.b.c; __Host-crier-zone=UTC"),
        );
        assert_eq!(Cookie::Session.read(&headers), Some("a.b.c"));
        assert_eq!(Cookie::Zone.read(&headers), Some("UTC"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-crier=d.e.f"));
        assert_eq!(Cookie::Session.read(&headers), None);
    }

    #[test]
    fn what_is_set_is_for_no_script_and_no_other_site() {
        let set = Cookie::Session.set("a.b.c", 60).unwrap();
        assert_eq!(set, "__Host-crier=a.b.c; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict");
        assert!(Cookie::Session.clear().unwrap().to_str().unwrap().contains("Max-Age=0;"));
        assert!(fits("a-b_c.d.e") && !fits("a b") && !fits("a;b") && !fits(&"a".repeat(MAX_TOKEN + 1)));
    }
}

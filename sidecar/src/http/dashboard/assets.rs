//! The dashboard's style and its script. Their addresses carry a hash of them, so that browsers may keep them.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Their addresses, under that of whatever they are for.
pub(super) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path("style.css", STYLE));
pub(super) static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path("script.js", SCRIPT));

fn path(name: &str, text: &str) -> String {
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
    format!("{name}?{}", &hash[..12])
}

pub(super) async fn style() -> Response {
    kept("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    kept("text/javascript; charset=utf-8", SCRIPT)
}

fn kept(kind: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_load_nothing_from_elsewhere_and_write_no_markup() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("http://") && !text.contains("https://"));
        }
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write"] {
            assert!(!SCRIPT.contains(way), "{way}");
        }
        assert!(STYLE_PATH.starts_with("style.css?"));
    }

    /// How bright a colour is, as WCAG counts it.
    fn luminance(colour: &str) -> f64 {
        let digits = colour.trim_start_matches('#');
        let part = |at: usize| match digits.len() {
            3 => 17 * u32::from_str_radix(&digits[at..=at], 16).unwrap(),
            _ => u32::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap(),
        };
        let linear = |at| {
            let value = f64::from(part(at)) / 255.0;
            if value <= 0.039_28 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(0) + 0.7152 * linear(1) + 0.0722 * linear(2)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn what_is_written_can_be_read_by_day_and_by_night() {
        assert!((contrast("#fff", "#000000") - 21.0).abs() < 0.01);
        let schemes: Vec<_> = STYLE.split(":root {").skip(1).collect();
        assert_eq!(schemes.len(), 2);
        for scheme in schemes {
            let scheme = scheme.split('}').next().unwrap();
            let colour = |name: &str| {
                let rest = scheme.split_once(&format!("--{name}: ")).unwrap_or_else(|| panic!("no {name}")).1;
                rest.split(';').next().unwrap().trim()
            };
            for ink in ["ink", "soft", "link", "good", "bad", "odd", "calm"] {
                for ground in ["ground", "card"] {
                    let found = contrast(colour(ink), colour(ground));
                    assert!(found >= 4.5, "{ink} on {ground}: {found:.1} in {scheme}");
                }
            }
            for (ink, ground) in [
                ("on-button", "button"),
                ("good", "good-tint"),
                ("bad", "bad-tint"),
                ("odd", "odd-tint"),
                ("calm", "calm-tint"),
                ("soft", "soft-tint"),
                ("link", "chosen"),
            ] {
                let found = contrast(colour(ink), colour(ground));
                assert!(found >= 4.5, "{ink} on {ground}: {found:.1} in {scheme}");
            }
            // where a field begins and ends
            assert!(contrast(colour("edge"), colour("card")) >= 3.0, "{scheme}");
        }
    }
}

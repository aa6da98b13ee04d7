//! The parameters of a call: of its address, and of a body in JSON or in one of the two kinds of form.

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use super::Refused;
use crate::sim::form;

/// How deep `a[b][c]` may go.
const DEEPEST: usize = 32;

/// What a call was given.
pub(super) struct Parameters {
    values: Value,
    /// The file of a form.
    pub(super) file: Option<Bytes>,
}

impl Parameters {
    pub(super) fn of(request: &Request<Bytes>) -> Result<Self, Refused> {
        let mut parameters = Self { values: json!({}), file: None };
        for (name, value) in form::pairs(request.uri().query().unwrap_or_default()) {
            parameters.set(&name, value);
        }
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let body = request.body();
        if kind.starts_with("application/json") && !body.is_empty() {
            let given: Value = serde_json::from_slice(body)
                .map_err(|_| Refused::new(StatusCode::BAD_REQUEST, "Bad Request"))?;
            for (name, value) in given.as_object().into_iter().flatten() {
                parameters.values[name] = value.clone();
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            for (name, value) in form::pairs(&String::from_utf8_lossy(body)) {
                parameters.set(&name, value);
            }
        }
        for part in form::parts(request).unwrap_or_default() {
            match part.name.as_str() {
                "file" => parameters.file = Some(part.bytes),
                name => parameters.set(name, String::from_utf8_lossy(&part.bytes).into_owned()),
            }
        }
        Ok(parameters)
    }

    fn set(&mut self, name: &str, value: String) {
        let (first, rest) = name.split_once('[').unwrap_or((name, ""));
        let inner = rest.strip_suffix(']').map(|inner| inner.split("]["));
        let keys: Vec<_> = std::iter::once(first).chain(inner.into_iter().flatten()).collect();
        if !first.is_empty() && keys.len() <= DEEPEST {
            put(&mut self.values, &keys, value);
        }
    }

    /// A text; what is neither a text nor a number counts as left out.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        scalar(&self.values[name])
    }

    /// A number, as far as the text begins with one.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name).map(|text| to_number(&text))
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        is_true(&self.values[name])
    }

    /// A list of texts; anything else counts as left out.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        texts(&self.values[name])
    }

    /// A group of parameters.
    pub(super) fn group(&self, name: &str) -> Option<&Value> {
        Some(&self.values[name]).filter(|value| value.is_object())
    }
}

/// Writes a value of a form where its name says: `a[b][]` is a list `b` in a group `a`.
fn put(slot: &mut Value, keys: &[&str], value: String) {
    match keys {
        [] => *slot = json!(value),
        ["", ..] => {
            if !slot.is_array() {
                *slot = json!([]);
            }
            slot.as_array_mut().into_iter().for_each(|list| list.push(json!(value)));
        }
        [key, rest @ ..] => {
            if !slot.is_object() {
                *slot = json!({});
            }
            put(&mut slot[*key], rest, value);
        }
    }
}

pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(scalar).collect()
}

pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        other => scalar(other).is_some_and(|text| {
            !["", "0", "f", "F", "false", "FALSE", "off", "OFF"].contains(&text.as_str())
        }),
    }
}

pub(super) fn to_number(text: &str) -> u64 {
    let text = text.trim_start();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..digits].parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(kind: &str, body: &str) -> Parameters {
        let request = Request::builder().uri("/?limit=7x&q=a+b").header(CONTENT_TYPE, kind);
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        Parameters::of(&request).unwrap_or_else(|_| panic!("refused: {body}"))
    }

    #[test]
    fn json_and_forms_say_the_same() {
        let part = |name: &str, value: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts = [part("status", "a\r\nb"), part("media_ids[]", "1"), part("media_ids[]", "2")];
        let parts = [parts.concat(), part("poll[options][]", "yes"), part("sensitive", "true")].concat();
        for given in [
            parameters(
                "application/json; charset=utf-8",
                r#"{"status": "a\r\nb", "media_ids": ["1", 2], "poll": {"options": ["yes"]}, "sensitive": true}"#,
            ),
            parameters(
                "application/x-www-form-urlencoded",
                "status=a%0D%0Ab&media_ids[]=1&media_ids%5B%5D=2&poll[options][]=yes&sensitive=1",
            ),
            parameters("multipart/form-data; boundary=\"x\"", &format!("{parts}--x--\r\n")),
        ] {
            assert_eq!(given.text("status").as_deref(), Some("a\r\nb"));
            assert_eq!(given.texts("media_ids"), ["1", "2"]);
            assert_eq!(given.group("poll").map(|poll| texts(&poll["options"])), Some(vec!["yes".to_owned()]));
            assert!(given.is_true("sensitive") && !given.is_true("left_out"));
            assert_eq!((given.number("limit"), given.text("q").as_deref()), (Some(7), Some("a b")));
        }
    }

    #[test]
    fn nonsense_is_left_out() {
        let deep = format!("a{}=1&b]=2&[c=3&[]=4&=5", "[a]".repeat(1_000));
        let given = parameters("application/x-www-form-urlencoded", &deep);
        assert_eq!((given.text("a"), given.text("b]").as_deref()), (None, Some("2")));
        for body in ["", "--x", "--x\r\n", "--x\r\n\r\n--x", "--x\r\nname\r\n\r\n\r\n--x--", "--", "x"] {
            assert!(parameters("multipart/form-data; boundary=x", body).file.is_none(), "{body:?}");
        }
        assert_eq!(parameters("application/json", "[1]").values, json!({"limit": "7x", "q": "a b"}));
        assert_eq!((to_number("18446744073709551616"), to_number("-1"), to_number(" 12a")), (0, 0, 12));
    }
}

//! What every call of the Graph API has in common, on all of Meta's platforms: parameters, the choice of fields, and errors.

mod errors;

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::rights::Rights;
use super::{Refusal, form};
use crate::serve;
use errors::{ERRORS, message};

/// Whether there is an error of a number.
pub(super) fn is_known(number: i64) -> bool {
    ERRORS.iter().any(|(known, ..)| *known == number)
}

/// Refuses what an account has not granted.
pub(super) fn check(rights: &Rights, account: &str, right: &str) -> Result<(), Refused> {
    if rights.has(account, right) { Ok(()) } else { Err(Refused::known(10, "")) }
}

/// A refusal.
#[derive(Debug)]
pub(super) struct Refused {
    status: u16,
    body: Value,
}

impl Refused {
    /// An error by its subcode, or by its code where it has none. `about` is what it names.
    pub(super) fn known(number: i64, about: &str) -> Self {
        let found = ERRORS.iter().find(|(known, ..)| *known == number);
        let (number, code, title, text) = found.copied().unwrap_or((1, 1, "", ""));
        let status = match number {
            1 | 2 => 500,
            4 | 10 | 200 => 403,
            190 => 401,
            _ => 400,
        };
        let mut error = json!({
            "message": message(number, code).replace("{}", about),
            "type": if number == 33 { "GraphMethodException" } else { "OAuthException" },
            "code": code,
            "is_transient": matches!(number, 1 | 2 | 4 | 17 | 613 | 80002 | 2207001 | 2207003),
            "fbtrace_id": trace_id(),
        });
        if number != code {
            error["error_subcode"] = json!(number);
        }
        if !title.is_empty() {
            error["error_user_title"] = json!(title);
            error["error_user_msg"] = json!(text.replace("{}", about));
        }
        Self { status, body: json!({"error": error}) }
    }

    /// A parameter that is wrong, in ways that have no number of their own.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        let message: String = message.into();
        let error = json!({
            "message": format!("(#100) {message}"), "type": "OAuthException", "code": 100, "fbtrace_id": trace_id(),
        });
        Self { status: 400, body: json!({"error": error}) }
    }

    /// Something that there is not, or that is none of the caller's business.
    pub(super) fn not_there(id: &str) -> Self {
        Self::known(33, id)
    }

    /// An expired token, in an answer whose other fields have wrong types.
    pub(super) fn odd() -> Self {
        let error = json!({
            "message": null, "type": ["OAuthException"], "code": 190, "error_subcode": 463, "is_transient": "no",
            "fbtrace_id": 7,
        });
        Self { status: 400, body: json!({"error": error}) }
    }

    /// The server for uploads has a shape of its own.
    pub(super) fn upload(kind: &str, message: &str) -> Self {
        let info = json!({"retriable": kind == "PartialRequestError", "type": kind, "message": message});
        Self { status: 400, body: json!({"debug_info": info}) }
    }

    pub(super) fn upload_not_allowed() -> Self {
        Self::upload("NotAuthorizedError", "User not authorized to perform this request")
    }

    pub(super) fn answer(&self) -> Response<Bytes> {
        serve::json(StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST), &self.body)
    }
}

fn trace_id() -> String {
    format!("A{}", URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4()))
}

/// The parameters of a call, wherever they were: in the address, in a form, in JSON.
#[derive(Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn of(request: &Request<Bytes>) -> Result<Self, Refused> {
        let mut pairs = form::pairs(request.uri().query().unwrap_or_default());
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match kind.unwrap_or_default() {
            form if form.starts_with("application/x-www-form-urlencoded") => {
                pairs.extend(form::pairs(&String::from_utf8_lossy(request.body())));
            }
            json if json.starts_with("application/json") && !request.body().is_empty() => {
                let body: Map<String, Value> = serde_json::from_slice(request.body())
                    .map_err(|error| Refused::invalid(format!("The body is not a JSON object: {error}")))?;
                pairs.extend(body.into_iter().map(|(name, value)| (name, plain(value))));
            }
            _ => {}
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn one(&self, name: &str) -> Result<&str, Refused> {
        let missing = || Refused::invalid(format!("The parameter {name} is required"));
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value == "true" || value == "1")
    }

    /// The fields that are asked for, of an object with all of them. The id is always there; what is null is left out.
    pub(super) fn select(&self, object: &Value) -> Result<Value, Refused> {
        select(object, self.get("fields").unwrap_or_default())
    }
}

/// A value of JSON as it would stand in a form.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(list) => list.into_iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The access token, which may be a parameter or in the header, there under two names.
pub(super) fn token(request: &Request<Bytes>, params: &Params) -> Option<String> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let header =
        header.and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("OAuth ")));
    params.get("access_token").or(header).map(str::to_owned)
}

fn select(object: &Value, fields: &str) -> Result<Value, Refused> {
    let mut selected = Map::new();
    for field in split(fields).into_iter().chain(["id"]) {
        let (name, inner) = field.split_once('{').unwrap_or((field, ""));
        // how many of a list, and whether they are counted, makes no difference here
        let name = name.split('.').next().unwrap_or_default();
        match object.get(name) {
            Some(Value::Null) => {}
            Some(inside @ Value::Object(_)) if !inner.is_empty() => {
                let inner = inner.strip_suffix('}').unwrap_or(inner);
                let inside = match inside["data"].as_array() {
                    None => select(inside, inner)?,
                    Some(list) => {
                        let list =
                            list.iter().map(|one| select(one, inner)).collect::<Result<Vec<_>, _>>()?;
                        json!({ "data": list })
                    }
                };
                selected.insert(name.to_owned(), inside);
            }
            Some(value) => {
                selected.insert(name.to_owned(), value.clone());
            }
            // what has no id is not asked for it
            None if name == "id" => {}
            None => return Err(Refused::invalid(format!("Tried accessing nonexisting field ({name})"))),
        }
    }
    Ok(Value::Object(selected))
}

/// Splits at the commas that are not in braces.
fn split(fields: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let outside = |character: char| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        character == ',' && depth == 0
    };
    fields.split(outside).map(str::trim).filter(|field| !field.is_empty()).collect()
}

/// The headers that state the use of the limits, as every answer has them. The real ones name the business; nobody needs to know
/// it.
pub(super) fn with_usage(
    mut answer: Response<Bytes>,
    kind: &str,
    percent: u64,
    minutes: u64,
) -> Response<Bytes> {
    let app = json!({"call_count": percent, "total_cputime": 0, "total_time": 0});
    let business = json!({"112130216863063": [{
        "type": kind, "call_count": percent, "total_cputime": 0, "total_time": 0,
        "estimated_time_to_regain_access": minutes,
    }]});
    for (name, usage) in [("x-app-usage", app), ("x-business-use-case-usage", business)] {
        // JSON of numbers has nothing that a header can't hold
        if let Ok(usage) = HeaderValue::try_from(usage.to_string()) {
            answer.headers_mut().insert(name, usage);
        }
    }
    answer
}

/// The answer that refuses a call without looking at it. How long a limit lasts stands in whole minutes in a header alone: so
/// does the real server.
pub(super) fn refusal(refusal: Refusal, kind: &str) -> Response<Bytes> {
    let refused = match refusal {
        Refusal::RateLimited(wait) => {
            let minutes = wait.as_secs_f64() / 60.0;
            return with_usage(Refused::known(80002, "").answer(), kind, 100, minutes.ceil() as u64);
        }
        Refusal::Unauthorized => Refused::known(190, ""),
        Refusal::ExpiredToken => Refused::known(463, ""),
        Refusal::ServerError | Refusal::InSuccess => Refused::known(2, ""),
        Refusal::Odd => Refused::odd(),
        Refusal::Nul => Refused::invalid("before\0after\u{1b}[2J\u{feff}"),
    };
    with_usage(refused.answer(), kind, 0, 0)
}

/// The parts of a path. Versions, `v26.0`, make no difference.
pub(super) fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && !is_version(part)).collect()
}

fn is_version(part: &str) -> bool {
    let Some((major, minor)) = part.strip_prefix('v').and_then(|number| number.split_once('.')) else {
        return false;
    };
    [major, minor].iter().all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A time as the Graph API writes it: without the colon in the zone that RFC 3339 wants.
pub(super) fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().replace('Z', "+0000")
}

/// Whether so much time has passed since.
pub(super) fn has_passed(since: SystemTime, seconds: f64) -> bool {
    since.elapsed().unwrap_or_default() >= Duration::from_secs_f64(seconds.max(0.0))
}

/// A number for a name, the same each time: for ids.
pub(super) fn number_of(name: &str) -> u64 {
    name.bytes().fold(7, |number: u64, byte| (number * 31 + u64::from(byte)) % 100_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_chosen() {
        let object = json!({"id": "1", "name": "x", "none": null, "inner": {"id": "2", "a": 1, "b": 2}});
        let chosen = |fields: &str| select(&object, fields).map_err(|refused| refused.body);
        assert_eq!(chosen("").unwrap(), json!({"id": "1"}));
        assert_eq!(
            chosen(" name ,none,inner{b}").unwrap(),
            json!({"id": "1", "name": "x", "inner": {"id": "2", "b": 2}})
        );
        let list = json!({"id": "1", "parts": {"data": [{"id": "2", "a": 1, "b": null}]}});
        assert_eq!(
            select(&list, "parts{a,b}").map_err(|refused| refused.body).unwrap(),
            json!({"id": "1", "parts": {"data": [{"id": "2", "a": 1}]}})
        );
        let refused = chosen("inner{c}").expect_err("there is no such field");
        assert_eq!(refused["error"]["message"], "(#100) Tried accessing nonexisting field (c)");
        chosen("inner{{{}},a{").expect_err("not fields");
    }

    #[test]
    fn times_are_as_the_graph_writes_them() {
        assert_eq!(timestamp(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00+0000");
    }

    #[test]
    fn numbers_name_errors() {
        let mut numbers: Vec<_> = ERRORS.iter().map(|(number, ..)| number).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        numbers.dedup();
        assert_eq!(numbers.len(), ERRORS.len());
        assert!(!is_known(7));
    }
}

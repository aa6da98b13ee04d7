//! Reads a call's arguments from path, query and body, and says what is wrong with them by their names.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value};
use url::form_urlencoded;
use uuid::Uuid;

use super::super::problem::Problem;
use super::route::Route;
use crate::db::api::{Argument, Kind};

/// What a request brings.
pub(super) struct Given<'a> {
    /// The parts of the path, by their names.
    pub(super) path: Vec<(&'a str, &'a str)>,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
}

/// The arguments of a function by their names in SQL.
pub(super) fn read(route: &Route, given: &Given<'_>) -> Result<Value, Problem> {
    let mut arguments = Map::new();
    for (name, value) in route.fixed {
        let value = serde_json::from_str(value).map_err(|error| invalid(name, &error.to_string()))?;
        arguments.insert((*name).to_owned(), value);
    }
    for argument in route.arguments().filter(|argument| route.in_path(argument)) {
        let found = given.path.iter().find(|(name, _)| *name == argument.name());
        put(&mut arguments, argument, found.map(|(_, text)| of_text(argument, text)).transpose()?)?;
    }
    read_query(route, given.query, &mut arguments)?;
    read_body(route, given.body, &mut arguments)?;
    Ok(Value::Object(arguments))
}

fn read_query(route: &Route, query: &str, arguments: &mut Map<String, Value>) -> Result<(), Problem> {
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    for argument in route.in_query() {
        let (ours, others) = pairs.into_iter().partition(|(name, _)| name == argument.name());
        let ours: Vec<_> = ours;
        pairs = others;
        let value = match (argument.kind, &ours[..]) {
            (_, []) => None,
            (Kind::Texts | Kind::Uuids, several) => {
                let several = several.iter().map(|(_, text)| Value::from(text.as_ref())).collect();
                Some(checked(argument, Value::Array(several))?)
            }
            (_, [(_, text)]) => Some(of_text(argument, text)?),
            (_, [..]) => return Err(invalid(argument.name(), "it is given more than once")),
        };
        put(arguments, argument, value)?;
    }
    match pairs.first() {
        None => Ok(()),
        Some((name, _)) => Err(unknown(name, "parameter", &mut route.in_query())),
    }
}

fn read_body(route: &Route, body: &[u8], arguments: &mut Map<String, Value>) -> Result<(), Problem> {
    let mut fields = match body.trim_ascii() {
        [] => Map::new(),
        text => serde_json::from_slice(text).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, format!("the body is no JSON object: {error}"))
                .because("malformed_body")
        })?,
    };
    for argument in route.in_body() {
        let value = fields.remove(argument.name()).filter(|value| !value.is_null());
        put(arguments, argument, value.map(|value| checked(argument, value)).transpose()?)?;
    }
    match fields.keys().next() {
        None => Ok(()),
        Some(name) => Err(unknown(name, "field", &mut route.in_body())),
    }
}

fn put(arguments: &mut Map<String, Value>, argument: &Argument, value: Option<Value>) -> Result<(), Problem> {
    match value {
        Some(value) => {
            arguments.insert(argument.sql_name.to_owned(), value);
            Ok(())
        }
        None if argument.required => Err(invalid(argument.name(), "it is missing")),
        None => Ok(()),
    }
}

/// A value that stands in an address, where everything is text.
fn of_text(argument: &Argument, text: &str) -> Result<Value, Problem> {
    let value = match argument.kind {
        Kind::Bool => text.parse().map(Value::Bool).map_err(drop),
        Kind::Int => text.parse::<i32>().map(Value::from).map_err(drop),
        Kind::Json => serde_json::from_str(text).map_err(drop),
        _ => Ok(Value::from(text)),
    };
    checked(argument, value.map_err(|()| invalid(argument.name(), expected(argument.kind)))?)
}

/// A value that fits its argument.
fn checked(argument: &Argument, value: Value) -> Result<Value, Problem> {
    let all = |value: &Value, fits: fn(&str) -> bool| {
        value.as_array().is_some_and(|list| list.iter().all(|one| one.as_str().is_some_and(fits)))
    };
    let is = |fits: fn(&str) -> bool| value.as_str().is_some_and(fits);
    let fits = match argument.kind {
        Kind::Bool => value.is_boolean(),
        Kind::Int => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Kind::Long => value.is_i64(),
        Kind::Number => value.is_number(),
        Kind::Json => true,
        Kind::Object => value.is_object(),
        Kind::Array => value.is_array(),
        Kind::Text | Kind::Interval => is(|_| true),
        Kind::Texts => all(&value, |_| true),
        Kind::Time => is(|text| DateTime::parse_from_rfc3339(text).is_ok()),
        Kind::WallTime => is(is_wall_time),
        Kind::Uuid => is(is_uuid),
        Kind::Uuids => all(&value, is_uuid),
    };
    if fits { Ok(value) } else { Err(invalid(argument.name(), expected(argument.kind))) }
}

/// As everybody writes one: 36 letters.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

fn is_wall_time(text: &str) -> bool {
    let shapes = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
    // an end that is taken away
    text == "infinity" || shapes.iter().any(|shape| NaiveDateTime::parse_from_str(text, shape).is_ok())
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "it has to be true or false",
        Kind::Int | Kind::Long => "it has to be a whole number of 32 bits",
        Kind::Number => "it has to be a number",
        Kind::Interval => "it has to be a text like \"1 hour\"",
        Kind::Json => "it has to be JSON",
        Kind::Object => "it has to be a JSON object",
        Kind::Array => "it has to be a JSON array",
        Kind::Text => "it has to be a text",
        Kind::Texts => "it has to be a list of texts",
        Kind::Time => "it has to be a time like 2026-11-30T09:00:00Z",
        Kind::Uuid => "it has to be a UUID",
        Kind::Uuids => "it has to be a list of UUIDs",
        Kind::WallTime => "it has to be a time without a zone, like 2026-11-30T09:00:00",
    }
}

fn invalid(name: &str, problem: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{name}: {problem}")).because("invalid_argument")
}

fn unknown(name: &str, what: &str, known: &mut dyn Iterator<Item = &'static Argument>) -> Problem {
    let shown: String = name.chars().take(60).collect();
    let names: Vec<_> = known.map(Argument::name).collect();
    let known = if names.is_empty() {
        "there are none here".into()
    } else {
        format!("there are {}", names.join(", "))
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("there is no {what} {shown:?}; {known}"))
        .because("unknown_argument")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::db::api::function;
    use crate::http::api::route::{Answer, Endpoint, Method};

    static POST: Route = Route {
        method: Method::Post,
        path: "/v1/x/{x_id}",
        summary: "",
        function: function!(f(
            x_id uuid, content text, at timestamptz = "now()", wall timestamp = "NULL", n int4 = "1", ok bool = "false",
            all _uuid = "'{}'", any jsonb = "NULL", p_action text
        )),
        fixed: &[("p_action", "\"publish\"")],
        answer: Answer::Done,
        is_secret: false,
        counts_as: Endpoint::General,
    };
    static GET: Route = Route {
        method: Method::Get,
        path: "/v1/x",
        summary: "",
        function: function!(f(p_limit int4 = "50", p_levels _text = "NULL", p_on bool = "NULL", p_what jsonb = "NULL")),
        fixed: &[],
        answer: Answer::Done,
        is_secret: false,
        counts_as: Endpoint::General,
    };
    const ID: &str = "0193a0c0-0000-7000-8000-000000000001";

    fn post(id: &str, body: &Value) -> Result<Value, Problem> {
        read(&POST, &Given { path: vec![("x_id", id)], query: "", body: body.to_string().as_bytes() })
    }

    #[test]
    fn arguments_come_from_path_and_body_and_get_their_names_in_sql() {
        let body = json!({"content": "c", "at": "2026-11-30T09:00:00.5+01:00", "wall": "2026-11-30T09:00", "n": -1, "ok": true, "all": [ID], "any": [1]});
        let mut expected = body.clone();
        expected["x_id"] = json!(ID);
        expected["p_action"] = json!("publish");
        assert_eq!(post(ID, &body).unwrap(), expected);
        let null = post(ID, &json!({"content": "c", "n": null})).unwrap();
        assert_eq!(null, json!({"x_id": ID, "content": "c", "p_action": "publish"}));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (id, body, part) in [
            ("1", json!({"content": "c"}), "x_id: it has to be a UUID"),
            (ID, json!({}), "content: it is missing"),
            (ID, json!({"content": null}), "content: it is missing"),
            (ID, json!({"content": 1}), "content: it has to be a text"),
            (ID, json!({"content": "c", "at": "tomorrow"}), "at: it has to be a time"),
            (ID, json!({"content": "c", "at": "2026-11-30"}), "at: it has to be a time"),
            (ID, json!({"content": "c", "wall": "2026-11-30T09:00Z"}), "wall: it has"),
            (ID, json!({"content": "c", "n": 1.5}), "n: it has to be a whole"),
            (ID, json!({"content": "c", "n": 3_000_000_000_u64}), "n: it has to be a whole"),
            (ID, json!({"content": "c", "ok": "true"}), "ok: it has to be true"),
            (ID, json!({"content": "c", "all": ID}), "all: it has to be a list"),
            (ID, json!({"content": "c", "all": ["x"]}), "all: it has to be a list"),
            (
                ID,
                json!({"content": "c", "p_action": "x"}),
                "there is no field \"p_action\"; there are content, at",
            ),
            (ID, json!({"content": "c", "x_id": ID}), "there is no field \"x_id\""),
        ] {
            let problem = post(id, &body).unwrap_err();
            assert_eq!(problem.status, 422, "{body}");
            assert!(problem.detail.contains(part), "{part} in {}", problem.detail);
        }
        for bad in ["[]", "{", "\"x\"", "{\"content\": \"\u{0}", "\u{feff}{}"] {
            let problem = read(&POST, &Given { path: vec![("x_id", ID)], query: "", body: bad.as_bytes() });
            assert_eq!(problem.unwrap_err().status, 400, "{bad}");
        }
    }

    #[test]
    fn a_query_is_text_that_is_read_by_its_kind() {
        let query = |query: &str| read(&GET, &Given { path: vec![], query, body: b"" });
        assert_eq!(
            query("limit=5&levels=a%26&levels=b&on=false&what={\"a\":1}").unwrap(),
            json!({"p_limit": 5, "p_levels": ["a&", "b"], "p_on": false, "p_what": {"a": 1}})
        );
        assert_eq!(query("").unwrap(), json!({}));
        for bad in ["limit=", "limit=x", "limit=1&limit=2", "on=1", "what={", "p_limit=1", "cursor=x"] {
            assert_eq!(query(bad).unwrap_err().status, 422, "{bad}");
        }
    }
}

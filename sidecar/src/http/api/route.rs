//! What a route is: an address, the function it calls, and the shape of its answer.

use serde_json::{Value, json};

use super::schema::Schema;
use crate::db::api::{Argument, Function, Kind};

/// A method that a route answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Patch,
    Put,
    Delete,
}

/// A route.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    pub(super) function: Function,
    /// Arguments that the route gives itself: JSON by their names in SQL.
    pub(super) fixed: &'static [(&'static str, &'static str)],
    pub(super) answer: Answer,
    /// Whether the answer holds a secret that is told once: nothing of it is kept.
    pub(super) is_secret: bool,
    /// Which requests of a user in a minute it is one of.
    pub(super) counts_as: Endpoint,
}

/// A limit of requests, by its name in `crier.request_limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Endpoint {
    General,
    /// What sums up a lot.
    Analysis,
}

impl Endpoint {
    pub(in crate::http) const fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Analysis => "analysis",
        }
    }
}

/// The shape of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// A page of objects: `items`, `next_cursor`, `has_more` in SQL.
    Page(&'static Schema),
    /// All rows.
    Rows(&'static Schema),
    /// The only row. None: not found.
    Row(&'static Schema),
    /// One value, under a name.
    Value(&'static str, Kind),
    /// One value, under a name, that may be null.
    Maybe(&'static str, Kind),
    /// The id of what was made, which is under this address.
    Made(&'static str),
    /// Several values.
    Values(Kind),
    /// That it was done.
    Done,
}

impl Route {
    /// Whether it only reads.
    pub(super) fn reads(&self) -> bool {
        self.method == Method::Get
    }

    /// The arguments that callers give.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &'static Argument> {
        let fixed = self.fixed;
        self.function
            .arguments
            .iter()
            .filter(move |argument| fixed.iter().all(|(name, _)| *name != argument.sql_name))
    }

    /// Whether an argument stands in the path.
    pub(super) fn in_path(&self, argument: &Argument) -> bool {
        self.path.split('/').any(|part| {
            part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) == Some(argument.name())
        })
    }

    /// Those that stand in the body.
    pub(super) fn in_body(&self) -> impl Iterator<Item = &'static Argument> {
        let has_body = matches!(self.method, Method::Post | Method::Patch | Method::Put);
        self.arguments().filter(move |argument| has_body && !self.in_path(argument))
    }

    /// Those that stand in the query.
    pub(super) fn in_query(&self) -> impl Iterator<Item = &'static Argument> {
        let has_query = matches!(self.method, Method::Get | Method::Delete);
        self.arguments().filter(move |argument| has_query && !self.in_path(argument))
    }
}

impl Answer {
    /// The status of one.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Made(_) => 201,
            Self::Done => 204,
            _ => 200,
        }
    }

    /// The body of one, of the function's rows; nothing where the row that is needed is not there.
    pub(super) fn body(self, rows: Vec<Value>) -> Option<Value> {
        let first = |rows: Vec<Value>| rows.into_iter().next();
        Some(match self {
            Self::Page(_) => {
                let mut page = first(rows)?;
                json!({
                    "data": page["items"].take(), "next_cursor": page["next_cursor"].take(), "has_more": page["has_more"].take(),
                })
            }
            Self::Rows(_) | Self::Values(_) => json!({ "data": rows }),
            Self::Row(_) => first(rows).filter(|row| !row.is_null())?,
            Self::Value(name, _) => json!({ name: first(rows).filter(|value| !value.is_null())? }),
            Self::Maybe(name, _) => json!({ name: first(rows) }),
            Self::Made(_) => json!({ "id": first(rows)? }),
            Self::Done => Value::Null,
        })
    }
}

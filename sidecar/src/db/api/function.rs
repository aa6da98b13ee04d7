//! A function of the schema `crier` as it is called with a JSON object of its arguments: its statement is put together when this is
//! compiled, and stands in the program as a constant.

/// A function that can be called for users.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name in SQL.
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [Argument],
    /// Takes a JSON object, gives a row of JSON for each row of the function.
    pub(crate) statement: &'static str,
}

/// An argument of a function.
#[derive(Debug)]
pub(crate) struct Argument {
    /// Its name in SQL.
    pub(crate) sql_name: &'static str,
    pub(crate) kind: Kind,
    /// Whether it has to be given.
    pub(crate) required: bool,
}

impl Argument {
    /// Its name in the API: that in SQL, without the mark of an argument.
    pub(crate) fn name(&self) -> &'static str {
        self.sql_name.strip_prefix("p_").unwrap_or(self.sql_name)
    }
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    /// A number of eight bytes, only in answers.
    Long,
    /// Any number, only in answers.
    Number,
    Interval,
    Json,
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
    Text,
    Texts,
    /// A moment.
    Time,
    Uuid,
    Uuids,
    /// A time on the clocks of a zone, without one.
    WallTime,
}

/// `function!(name(argument type, other type = "default"))`: an argument without a default has to be given. Types are those of
/// Postgres, in one word. A default is an expression of SQL, and the function's own.
macro_rules! function {
    ($name:ident()) => {
        $crate::db::api::Function {
            name: stringify!($name),
            arguments: &[],
            statement: concat!(
                "SELECT pg_catalog.to_jsonb(f) FROM (SELECT $1::jsonb) g CROSS JOIN crier.", stringify!($name), "() AS f"
            ),
        }
    };
    ($name:ident($first:ident $first_type:ident $(= $first_default:literal)? $(, $argument:ident $type:ident $(= $default:literal)?)* $(,)?)) => {
        $crate::db::api::Function {
            name: stringify!($name),
            arguments: &[
                $crate::db::api::function!(@argument $first $first_type $($first_default)?),
                $($crate::db::api::function!(@argument $argument $type $($default)?)),*
            ],
            statement: concat!(
                "SELECT pg_catalog.to_jsonb(f) FROM pg_catalog.jsonb_to_record($1) AS a (",
                stringify!($first), " ", stringify!($first_type),
                $(", ", stringify!($argument), " ", stringify!($type),)*
                ") CROSS JOIN LATERAL crier.", stringify!($name), "(",
                $crate::db::api::function!(@passed $first $($first_default)?),
                $(", ", $crate::db::api::function!(@passed $argument $($default)?),)*
                ") AS f"
            ),
        }
    };
    (@argument $name:ident $type:ident) => {
        $crate::db::api::Argument {
            sql_name: stringify!($name), kind: $crate::db::api::function!(@kind $type), required: true,
        }
    };
    (@argument $name:ident $type:ident $default:literal) => {
        $crate::db::api::Argument {
            sql_name: stringify!($name), kind: $crate::db::api::function!(@kind $type), required: false,
        }
    };
    (@passed $name:ident) => { concat!(stringify!($name), " => a.", stringify!($name)) };
    (@passed $name:ident $default:literal) => {
        concat!(stringify!($name), " => coalesce(a.", stringify!($name), ", ", $default, ")")
    };
    (@kind bool) => { $crate::db::api::Kind::Bool };
    (@kind int4) => { $crate::db::api::Kind::Int };
    (@kind interval) => { $crate::db::api::Kind::Interval };
    (@kind jsonb) => { $crate::db::api::Kind::Json };
    (@kind text) => { $crate::db::api::Kind::Text };
    (@kind _text) => { $crate::db::api::Kind::Texts };
    (@kind timestamp) => { $crate::db::api::Kind::WallTime };
    (@kind timestamptz) => { $crate::db::api::Kind::Time };
    (@kind uuid) => { $crate::db::api::Kind::Uuid };
    (@kind _uuid) => { $crate::db::api::Kind::Uuids };
}
pub(crate) use function;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_a_constant_with_one_parameter() {
        const NONE: Function = function!(my_workspaces());
        assert_eq!(NONE.name, "my_workspaces");
        assert!(NONE.arguments.is_empty() && NONE.statement.ends_with("crier.my_workspaces() AS f"));
        const SOME: Function = function!(f(post_id uuid, p_limit int4 = "50", tags _text = "'{}'"));
        assert_eq!(
            SOME.statement,
            "SELECT pg_catalog.to_jsonb(f) FROM pg_catalog.jsonb_to_record($1) AS a (post_id uuid, p_limit int4, tags _text) \
             CROSS JOIN LATERAL crier.f(post_id => a.post_id, p_limit => coalesce(a.p_limit, 50), \
             tags => coalesce(a.tags, '{}')) AS f"
        );
        let shown: Vec<_> = SOME.arguments.iter().map(|of| (of.name(), of.kind, of.required)).collect();
        assert_eq!(
            shown,
            [("post_id", Kind::Uuid, true), ("limit", Kind::Int, false), ("tags", Kind::Texts, false)]
        );
    }
}

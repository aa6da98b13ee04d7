//! What answers consist of, for the document that describes the API.

use crate::db::api::Kind;

/// An object with a name.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of one. It is always there.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) of: Of,
    /// Whether it may be null.
    pub(super) nullable: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    A(Kind),
    /// A list of objects.
    List(&'static Schema),
}

/// `schema!("Name" { field: Kind, other?: Kind, list: [SCHEMA] })`: a question mark where it may be null.
macro_rules! schema {
    ($name:literal { $($fields:tt)* }) => {
        $crate::http::api::schema::Schema { name: $name, fields: $crate::http::api::schema::fields!([] $($fields)*) }
    };
}
pub(super) use schema;

/// The fields of [`schema!`], one after the other.
macro_rules! fields {
    ([$($done:tt)*]) => { &[$($done)*] };
    ([$($done:tt)*] $name:ident : [$list:expr] $(, $($rest:tt)*)?) => {
        $crate::http::api::schema::fields!([$($done)* $crate::http::api::schema::Field {
            name: stringify!($name), of: $crate::http::api::schema::Of::List(&$list), nullable: false,
        },] $($($rest)*)?)
    };
    ([$($done:tt)*] $name:ident : $kind:ident $(, $($rest:tt)*)?) => {
        $crate::http::api::schema::fields!([$($done)* $crate::http::api::schema::Field {
            name: stringify!($name), of: $crate::http::api::schema::Of::A($crate::db::api::Kind::$kind), nullable: false,
        },] $($($rest)*)?)
    };
    ([$($done:tt)*] $name:ident ? : $kind:ident $(, $($rest:tt)*)?) => {
        $crate::http::api::schema::fields!([$($done)* $crate::http::api::schema::Field {
            name: stringify!($name), of: $crate::http::api::schema::Of::A($crate::db::api::Kind::$kind), nullable: true,
        },] $($($rest)*)?)
    };
}
pub(super) use fields;

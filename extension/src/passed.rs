//! Values that Rust hands on between SQL and SPI without taking them apart.
//!
//! pgrx's own `JsonB` goes through text and a parsed tree both ways and panics where `serde_json` can't
//! represent a number or a depth. What is only stored needs neither.

use crier_core::error_class::ErrorClass;
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum, UnboxDatum};
use pgrx::nullable::Nullable;
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{Array, PgMemoryContexts, pgrx_resolved_type};

use crate::error::{CrierError, Result};
use crate::input;

/// The most bytes of an error that is kept as it is.
const MAX_ERROR_BYTES: usize = 65_536;

/// JSON text as a tree. Keys that the library uses for itself are refused: they would be read as something
/// else than what is stored.
fn parse_text(name: &'static str, text: &str) -> Result<serde_json::Value> {
    const HINT: &str =
        "Nest at most 127 levels deep, and use no key that begins with $serde_json::private::.";
    if text.contains("$serde_json::private::") {
        return Err(CrierError::invalid(name, "has a reserved key", HINT));
    }
    serde_json::from_str(text)
        .map_err(|error| CrierError::invalid(name, format!("can't be read: {error}"), HINT))
}

/// A `timestamptz`: microseconds since 2000-01-01 UTC, with the two infinities at the ends of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamptz(pub(crate) i64);

/// A `jsonb` value, untouched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jsonb(pg_sys::Datum);

/// A `jsonb[]` value, untouched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonbArray(pg_sys::Datum);

/// How a datum becomes the Rust value and back; the rest is the same for all of them.
trait Passed: Sized {
    const OID: pg_sys::Oid;
    fn wrap(datum: pg_sys::Datum) -> Self;
    fn datum(self) -> pg_sys::Datum;
    /// A copy that outlives the memory the datum points into.
    unsafe fn copied(datum: pg_sys::Datum) -> pg_sys::Datum;
}

impl Passed for Timestamptz {
    const OID: pg_sys::Oid = pg_sys::TIMESTAMPTZOID;
    fn wrap(datum: pg_sys::Datum) -> Self {
        Self(datum.value() as i64)
    }
    fn datum(self) -> pg_sys::Datum {
        pg_sys::Datum::from(self.0)
    }
    unsafe fn copied(datum: pg_sys::Datum) -> pg_sys::Datum {
        datum
    }
}

/// A `timestamp`: what a clock shows, in microseconds since 2000-01-01 00:00, with the two infinities at the ends of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(pub(crate) i64);

impl Passed for Timestamp {
    const OID: pg_sys::Oid = pg_sys::TIMESTAMPOID;
    fn wrap(datum: pg_sys::Datum) -> Self {
        Self(datum.value() as i64)
    }
    fn datum(self) -> pg_sys::Datum {
        pg_sys::Datum::from(self.0)
    }
    unsafe fn copied(datum: pg_sys::Datum) -> pg_sys::Datum {
        datum
    }
}

/// A `regclass`: a table or view that the server has looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Regclass(pub(crate) pg_sys::Oid);

impl Passed for Regclass {
    const OID: pg_sys::Oid = pg_sys::REGCLASSOID;
    fn wrap(datum: pg_sys::Datum) -> Self {
        Self(pg_sys::Oid::from(datum.value() as u32))
    }
    fn datum(self) -> pg_sys::Datum {
        pg_sys::Datum::from(self.0)
    }
    unsafe fn copied(datum: pg_sys::Datum) -> pg_sys::Datum {
        datum
    }
}

macro_rules! passed_varlena {
    ($type:ty, $oid:expr) => {
        impl Passed for $type {
            const OID: pg_sys::Oid = $oid;
            fn wrap(datum: pg_sys::Datum) -> Self {
                Self(datum)
            }
            fn datum(self) -> pg_sys::Datum {
                self.0
            }
            unsafe fn copied(datum: pg_sys::Datum) -> pg_sys::Datum {
                // SAFETY: the caller gives a varlena of this type.
                unsafe { pg_sys::Datum::from(pg_sys::pg_detoast_datum_copy(datum.cast_mut_ptr())) }
            }
        }
    };
}
passed_varlena!(Jsonb, pg_sys::JSONBOID);
passed_varlena!(JsonbArray, pg_sys::JSONBARRAYOID);

macro_rules! translatable {
    ($type:ident, $sql:literal) => {
        impl FromDatum for $type {
            unsafe fn from_polymorphic_datum(
                datum: pg_sys::Datum,
                null: bool,
                _: pg_sys::Oid,
            ) -> Option<Self> {
                (!null).then(|| <$type>::wrap(datum))
            }

            unsafe fn from_datum_in_memory_context(
                mut context: PgMemoryContexts,
                datum: pg_sys::Datum,
                null: bool,
                _: pg_sys::Oid,
            ) -> Option<Self> {
                if null {
                    return None;
                }
                // SAFETY: SPI hands over a datum of the column's type, valid for this call.
                unsafe { context.switch_to(|_| Some(<$type>::wrap(<$type>::copied(datum)))) }
            }
        }

        impl IntoDatum for $type {
            fn into_datum(self) -> Option<pg_sys::Datum> {
                Some(self.datum())
            }

            fn type_oid() -> pg_sys::Oid {
                <$type as Passed>::OID
            }
        }

        // SAFETY: the SQL type named is the type whose datums this wraps.
        unsafe impl SqlTranslatable for $type {
            const TYPE_IDENT: &'static str = pgrx_resolved_type!($type);
            const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
            const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal($sql));
            const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
                Ok(ReturnsRef::One(SqlMappingRef::literal($sql)));
        }

        // SAFETY: an element of an array is a datum of the array's element type.
        unsafe impl UnboxDatum for $type {
            type As<'src> = $type;

            unsafe fn unbox<'src>(datum: Datum<'src>) -> Self::As<'src>
            where
                Self: 'src,
            {
                <$type>::wrap(datum.sans_lifetime())
            }
        }

        // SAFETY: as `FromDatum` above; the argument lives as long as the call.
        unsafe impl<'fcx> ArgAbi<'fcx> for $type {
            unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
                let index = arg.index();
                unsafe {
                    arg.unbox_arg_using_from_datum()
                        .unwrap_or_else(|| panic!("argument {index} must not be null"))
                }
            }

            unsafe fn unbox_nullable_arg(arg: Arg<'_, 'fcx>) -> Nullable<Self> {
                unsafe { arg.unbox_arg_using_from_datum().into() }
            }
        }

        // SAFETY: the datum is of the declared SQL type.
        unsafe impl BoxRet for $type {
            unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
                unsafe { fcinfo.return_raw_datum(self.datum()) }
            }
        }
    };
}
translatable!(Timestamptz, "timestamp with time zone");
translatable!(Timestamp, "timestamp without time zone");
translatable!(Regclass, "regclass");
translatable!(Jsonb, "jsonb");
translatable!(JsonbArray, "jsonb[]");

impl Jsonb {
    /// The value as text, as Postgres prints it.
    pub(crate) fn to_text(self) -> Result<String> {
        // SAFETY: the datum is a jsonb; jsonb_out answers with a C string.
        let text =
            unsafe { pgrx::direct_function_call::<&core::ffi::CStr>(pg_sys::jsonb_out, &[Some(self.0)]) };
        let text = text.ok_or_else(|| CrierError::Internal("jsonb_out answered nothing".into()))?;
        // In a database of another encoding than UTF-8 the text may not be valid here.
        text.to_str().map(str::to_owned).map_err(|_| {
            CrierError::invalid(
                "a json value",
                "is not valid UTF-8",
                "crier needs a database with encoding UTF8.",
            )
        })
    }

    /// The value as text of at most `limit` bytes.
    pub(crate) fn to_text_within(self, what: &'static str, limit: usize) -> Result<String> {
        let too_large = |found| CrierError::TooLarge { what, found, limit, unit: "bytes" };
        match self.stored_len() {
            found if found > limit => Err(too_large(found)),
            _ => match self.to_text()? {
                text if text.len() > limit => Err(too_large(text.len())),
                text => Ok(text),
            },
        }
    }

    /// The value as a tree.
    pub(crate) fn parse(self, name: &'static str, limit: usize) -> Result<serde_json::Value> {
        parse_text(name, &self.to_text_within(name, limit)?)
    }

    /// The bytes the value takes, compressed or not: a bound without unpacking it.
    fn stored_len(self) -> usize {
        // SAFETY: the datum is a varlena.
        unsafe { pg_sys::toast_raw_datum_size(self.0) }
    }
}

impl Jsonb {
    /// A value made here.
    pub(crate) fn from_value(value: &serde_json::Value) -> Self {
        use pgrx::IntoDatum as _;
        Self(pgrx::JsonB(value.clone()).into_datum().unwrap_or(pg_sys::Datum::null()))
    }

    /// The text of a field of an object, if it has that field and it is text.
    pub(crate) fn text_field(self, name: &str) -> Option<String> {
        let value = self.parse("error", MAX_ERROR_BYTES).ok()?;
        value.get(name)?.as_str().map(str::to_owned)
    }

    /// Whether it is an object with a field that is true.
    pub(crate) fn is_true(self, name: &str) -> bool {
        let value = self.parse("error", MAX_ERROR_BYTES).ok();
        value.and_then(|value| value.get(name)?.as_bool()).unwrap_or(false)
    }

    /// The value with the error class in it; a value that is not an object becomes the message of one.
    pub(crate) fn with_class(self, class: ErrorClass) -> Self {
        let mut value = match self.parse("error", MAX_ERROR_BYTES) {
            Ok(serde_json::Value::Object(fields)) => fields,
            Ok(other) => serde_json::Map::from_iter([("message".to_owned(), other)]),
            Err(error) => serde_json::Map::from_iter([("message".to_owned(), error.to_string().into())]),
        };
        value.insert("class".to_owned(), class.as_str().into());
        Self::from_value(&serde_json::Value::Object(value))
    }
}

impl JsonbArray {
    /// The elements, of which there must be `expected`; an element may be null.
    pub(crate) fn elements(self, name: &'static str, expected: usize) -> Result<Vec<Option<Jsonb>>> {
        // SAFETY: the datum is an array of jsonb, as its SQL type says.
        let array = unsafe { Array::<Jsonb>::from_polymorphic_datum(self.0, false, <Self as Passed>::OID) };
        let array = array.ok_or(CrierError::Null(name))?;
        input::same_length(("job_ids", expected), (name, array.len()))?;
        // Copied: an array that was stored is unpacked into memory that is freed together with `array`.
        // SAFETY: every element is a jsonb.
        Ok(array
            .iter()
            .map(|element| element.map(|Jsonb(datum)| Jsonb(unsafe { Jsonb::copied(datum) })))
            .collect())
    }
}

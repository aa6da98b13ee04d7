//! Sets of rows as answers, handed over in one go.
//!
//! pgrx's own types of these names answer row by row: each row is a call, and a call of a SECURITY DEFINER function sets
//! role and search_path and puts them back. The names are the same because the macro that writes the SQL knows them.

use std::marker::PhantomData;

use pgrx::callconv::{CallCx, RetAbi};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{IntoDatum, PgMemoryContexts, iter};

use crate::error::CrierError;

/// Rows of several columns: the answer of a function that RETURNS TABLE.
pub(crate) struct TableIterator<'a, Row>(Vec<Row>, PhantomData<&'a ()>);

/// Values: the answer of a function that RETURNS SETOF.
pub(crate) struct SetOfIterator<'a, T>(TableIterator<'a, (T,)>);

impl<Row> TableIterator<'_, Row> {
    pub(crate) fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        Self(rows.into_iter().collect(), PhantomData)
    }

    pub(crate) fn empty() -> Self {
        Self(Vec::new(), PhantomData)
    }

    pub(crate) fn once(row: Row) -> Self {
        Self(vec![row], PhantomData)
    }
}

impl<T> SetOfIterator<'_, T> {
    pub(crate) fn new(values: impl IntoIterator<Item = T>) -> Self {
        Self(TableIterator::new(values.into_iter().map(|value| (value,))))
    }
}

/// The columns of a row.
pub(crate) trait Columns {
    /// A null where there is no value.
    fn columns(self) -> Vec<Option<pg_sys::Datum>>;
}

macro_rules! columns {
    ($($C:ident)+) => {
        impl<$($C: IntoDatum),+> Columns for ($($C,)+) {
            #[allow(non_snake_case)]
            fn columns(self) -> Vec<Option<pg_sys::Datum>> {
                let ($($C,)+) = self;
                vec![$($C.into_datum()),+]
            }
        }
    };
}
columns!(A);
columns!(A B);
columns!(A B C);
columns!(A B C D);
columns!(A B C D E);
columns!(A B C D E F);
columns!(A B C D E F G);
columns!(A B C D E F G H);
columns!(A B C D E F G H I);
columns!(A B C D E F G H I J);
columns!(A B C D E F G H I J K);
columns!(A B C D E F G H I J K L);
columns!(A B C D E F G H I J K L M N O P Q R S);
columns!(A B C D E F G H I J K L M N O P Q R S T);
columns!(A B C D E F G H I J K L M N O P Q R S T U V W);

/// Hands rows over: all of them are in the store that the server then reads from.
///
/// # Safety
/// `fcinfo` is that of the call that is being answered.
unsafe fn answer<Row: Columns>(fcinfo: pg_sys::FunctionCallInfo, rows: Vec<Row>) -> pg_sys::Datum {
    // SAFETY: as the caller says; the descriptor and the store live as long as the query that asked.
    unsafe {
        let info = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        let takes_stores = !info.is_null()
            && (*info).type_ == pg_sys::NodeTag::T_ReturnSetInfo
            && (*info).allowedModes as u32 & pg_sys::SetFunctionReturnMode::SFRM_Materialize != 0;
        if !takes_stores {
            let error = CrierError::NotAllowed("a set of rows can't be answered here".into());
            pg_sys::panic::ErrorReport::from(error).report(pgrx::PgLogLevel::ERROR);
        }
        let mut memory = PgMemoryContexts::For((*(*info).econtext).ecxt_per_query_memory);
        let (descriptor, store) = memory.switch_to(|_| {
            let store = pg_sys::tuplestore_begin_heap(true, false, pg_sys::work_mem);
            (descriptor(fcinfo), store)
        });
        for row in rows {
            let columns = row.columns();
            let mut nulls: Vec<bool> = columns.iter().map(Option::is_none).collect();
            let mut values: Vec<pg_sys::Datum> =
                columns.into_iter().map(|value| value.unwrap_or(pg_sys::Datum::null())).collect();
            pg_sys::tuplestore_putvalues(store, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
        }
        (*info).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
        (*info).setResult = store;
        (*info).setDesc = descriptor;
        (*fcinfo).isnull = true;
    }
    pg_sys::Datum::null()
}

/// The columns of the function's rows.
///
/// # Safety
/// As [`answer`].
unsafe fn descriptor(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::TupleDesc {
    let (mut oid, mut descriptor) = (pg_sys::InvalidOid, std::ptr::null_mut());
    // SAFETY: as the caller says.
    unsafe {
        let class = pg_sys::get_call_result_type(fcinfo, &mut oid, &mut descriptor);
        if class == pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE {
            return descriptor;
        }
        let descriptor = pg_sys::CreateTemplateTupleDesc(1);
        pg_sys::TupleDescInitEntry(descriptor, 1, c"value".as_ptr(), oid, -1, 0);
        descriptor
    }
}

// SAFETY: the SQL that pgrx writes for its own types of these names.
unsafe impl<'a, Row> SqlTranslatable for TableIterator<'a, Row>
where
    iter::TableIterator<'a, Row>: SqlTranslatable,
{
    const TYPE_IDENT: &'static str = <iter::TableIterator<'a, Row> as SqlTranslatable>::TYPE_IDENT;
    const TYPE_ORIGIN: TypeOrigin = <iter::TableIterator<'a, Row> as SqlTranslatable>::TYPE_ORIGIN;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Err(ArgumentError::Table);
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        <iter::TableIterator<'a, Row> as SqlTranslatable>::RETURN_SQL;
}

// SAFETY: as above.
unsafe impl<'a, T> SqlTranslatable for SetOfIterator<'a, T>
where
    iter::SetOfIterator<'a, T>: SqlTranslatable,
{
    const TYPE_IDENT: &'static str = <iter::SetOfIterator<'a, T> as SqlTranslatable>::TYPE_IDENT;
    const TYPE_ORIGIN: TypeOrigin = <iter::SetOfIterator<'a, T> as SqlTranslatable>::TYPE_ORIGIN;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Err(ArgumentError::SetOf);
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        <iter::SetOfIterator<'a, T> as SqlTranslatable>::RETURN_SQL;
}

macro_rules! answered_at_once {
    ($type:ident, $row:ident: $bound:path, $rows:expr) => {
        // SAFETY: one call, one answer; nothing is kept between calls.
        unsafe impl<$row> RetAbi for $type<'_, $row>
        where
            $row: $bound,
        {
            type Item = i32;
            type Ret = Self;

            unsafe fn check_fcinfo_and_prepare(_fcinfo: pg_sys::FunctionCallInfo) -> CallCx {
                // SAFETY: reads the session's state.
                CallCx::WrappedFn(unsafe { pg_sys::CurrentMemoryContext })
            }

            fn to_ret(self) -> Self {
                self
            }

            unsafe fn box_ret_in_fcinfo(fcinfo: pg_sys::FunctionCallInfo, ret: Self) -> pg_sys::Datum {
                let rows: fn(Self) -> _ = $rows;
                // SAFETY: as the caller says.
                unsafe { answer(fcinfo, rows(ret)) }
            }

            unsafe fn move_into_fcinfo_fcx(self, _fcinfo: pg_sys::FunctionCallInfo) {}

            unsafe fn fill_fcinfo_fcx(&self, _fcinfo: pg_sys::FunctionCallInfo) {}
        }
    };
}
answered_at_once!(TableIterator, Row: Columns, |table| table.0);
answered_at_once!(SetOfIterator, T: IntoDatum, |set| set.0.0);

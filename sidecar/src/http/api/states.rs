//! What an SQLSTATE is in HTTP: one table.

use axum::http::StatusCode;

/// States and classes of states, the first that fits counts. What is not here is our fault, and is not shown to the caller.
const TABLE: &[(&str, StatusCode)] = &[
    // what a function refuses
    ("P0002", StatusCode::NOT_FOUND),
    ("42501", StatusCode::FORBIDDEN),
    ("42704", StatusCode::NOT_FOUND),
    ("53400", StatusCode::TOO_MANY_REQUESTS),
    ("54000", StatusCode::UNPROCESSABLE_ENTITY),
    ("0A000", StatusCode::UNPROCESSABLE_ENTITY),
    // values that are none, or not acceptable
    ("22", StatusCode::UNPROCESSABLE_ENTITY),
    // what is there already, or is referred to
    ("23", StatusCode::CONFLICT),
    // others do something with the same rows: again in a moment
    ("55P03", StatusCode::CONFLICT),
    ("40001", StatusCode::CONFLICT),
    ("40P01", StatusCode::CONFLICT),
    // not now: a standby, a server without the library, no room
    ("25006", StatusCode::SERVICE_UNAVAILABLE),
    ("55000", StatusCode::SERVICE_UNAVAILABLE),
    ("53", StatusCode::SERVICE_UNAVAILABLE),
    ("08", StatusCode::SERVICE_UNAVAILABLE),
    ("57P", StatusCode::SERVICE_UNAVAILABLE),
    // it took longer than it may
    ("57014", StatusCode::GATEWAY_TIMEOUT),
];

/// The status of an answer to a call that was refused with a state.
pub(in crate::http) fn status(state: &str) -> StatusCode {
    let fits = |(prefix, _): &&(&str, StatusCode)| state.starts_with(prefix);
    TABLE.iter().find(fits).map_or(StatusCode::INTERNAL_SERVER_ERROR, |(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state that Crier's functions raise, and what else a call may come upon.
    #[test]
    fn every_state_that_is_raised_has_a_status() {
        for (state, expected) in [
            ("22004", 422), // null_value_not_allowed
            ("22023", 422), // invalid_parameter_value
            ("22000", 422), // data_exception
            ("22007", 422), // invalid_datetime_format
            ("22008", 422), // datetime_field_overflow
            ("22P02", 422), // invalid_text_representation
            ("22P05", 422), // untranslatable_character
            ("22003", 422), // numeric_value_out_of_range
            ("54000", 422), // program_limit_exceeded
            ("0A000", 422), // feature_not_supported
            ("P0002", 404), // no_data_found
            ("42704", 404), // undefined_object
            ("42501", 403), // insufficient_privilege
            ("53400", 429), // configuration_limit_exceeded
            ("23000", 409), // integrity_constraint_violation
            ("23505", 409), // unique_violation
            ("55P03", 409), // lock_not_available
            ("40001", 409), // serialization_failure
            ("40P01", 409), // deadlock_detected
            ("25006", 503), // read_only_sql_transaction
            ("55000", 503), // object_not_in_prerequisite_state
            ("53000", 503), // insufficient_resources
            ("53300", 503), // too_many_connections
            ("08006", 503), // connection_failure
            ("57P01", 503), // admin_shutdown
            ("57014", 504), // query_canceled
            ("XX000", 500), // internal_error
            ("P0001", 500), // raise_exception: by nobody whom users call
            ("25000", 500), // invalid_transaction_state
            ("42883", 500), // undefined_function: versions that don't fit
            ("42P01", 500), // undefined_table
            ("28P01", 500), // invalid_password: ours
            ("", 500),
        ] {
            assert_eq!(status(state).as_u16(), expected, "{state}");
        }
    }

    /// The states that stand in the extension's source are among those above.
    #[test]
    fn no_state_is_raised_that_nobody_has_thought_of() {
        let source = include_str!("../../../../extension/src/error.rs");
        let named = source.split("PgSqlErrorCode::ERRCODE_").skip(1);
        let found: std::collections::BTreeSet<_> = named
            .map(|rest| rest.split(|c: char| !c.is_ascii_uppercase() && c != '_').next().unwrap_or_default())
            .collect();
        let known = [
            "CONFIGURATION_LIMIT_EXCEEDED",
            "FEATURE_NOT_SUPPORTED",
            "INSUFFICIENT_PRIVILEGE",
            "INSUFFICIENT_RESOURCES",
            "INTERNAL_ERROR",
            "INVALID_PARAMETER_VALUE",
            "LOCK_NOT_AVAILABLE",
            "NO_DATA_FOUND",
            "NULL_VALUE_NOT_ALLOWED",
            "OBJECT_NOT_IN_PREREQUISITE_STATE",
            "PROGRAM_LIMIT_EXCEEDED",
            "READ_ONLY_SQL_TRANSACTION",
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), known);
    }
}

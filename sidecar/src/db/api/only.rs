//! Statements for what has no function of its own: a page of a table, as `crier.get_paginated_data` gives it to the caller.

use super::{Argument, Function, Kind};

const fn optional(sql_name: &'static str, kind: Kind) -> Argument {
    Argument { sql_name, kind, required: false }
}

const fn required(sql_name: &'static str, kind: Kind) -> Argument {
    Argument { sql_name, kind, required: true }
}

/// The columns of an account that an answer has.
macro_rules! account_columns {
    () => {
        "p_columns => '{id,workspace_id,platform,external_id,handle,base_url,status,status_reason,created_at,updated_at}'"
    };
}

/// The accounts.
pub(crate) const ACCOUNTS: Function = Function {
    name: "get_paginated_data",
    arguments: &[
        optional("p_cursor", Kind::Text),
        optional("p_limit", Kind::Int),
        optional("workspace_id", Kind::Uuid),
        optional("platform", Kind::Text),
        optional("status", Kind::Text),
    ],
    statement: concat!(
        "SELECT pg_catalog.to_jsonb(f) \
         FROM pg_catalog.jsonb_to_record($1) AS a (p_cursor text, p_limit int4, workspace_id uuid, platform text, status text) \
         CROSS JOIN LATERAL crier.get_paginated_data(p_table => 'crier.social_account', p_cursor => a.p_cursor, \
             p_limit => coalesce(a.p_limit, 50), p_filter => pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(\
                 'workspace_id', a.workspace_id, 'platform', a.platform, 'status', a.status)) || '{\"deleted_at\": null}', ",
        account_columns!(),
        ") AS f"
    ),
};

/// An account.
pub(crate) const ACCOUNT: Function = Function {
    name: "get_paginated_data",
    arguments: &[required("account_id", Kind::Uuid)],
    statement: concat!(
        "SELECT f.items -> 0 FROM pg_catalog.jsonb_to_record($1) AS a (account_id uuid) \
         CROSS JOIN LATERAL crier.get_paginated_data(p_table => 'crier.social_account', p_limit => 1, \
             p_filter => pg_catalog.jsonb_build_object('id', a.account_id, 'deleted_at', NULL), ",
        account_columns!(),
        ") AS f"
    ),
};

/// A job.
pub(crate) const JOB: Function = Function {
    name: "get_paginated_data",
    arguments: &[required("job_id", Kind::Uuid)],
    statement: "SELECT f.items -> 0 FROM pg_catalog.jsonb_to_record($1) AS a (job_id uuid) \
         CROSS JOIN LATERAL crier.get_paginated_data(p_table => 'crier.jobs', p_limit => 1, \
             p_filter => pg_catalog.jsonb_build_object('id', a.job_id), \
             p_columns => '{id,workspace_id,user_id,account_id,platform,kind,params,priority,state,run_at,expires_at,dedupe_key,\
attempt,max_attempts,lost_leases,lease_expires_at,progress,result,error,created_at,finished_at}') AS f",
};

//! What several in-database tests need.

use pgrx::prelude::*;

/// A value of the one row that `sql` answers with.
pub(crate) fn one<T: FromDatum + IntoDatum>(sql: &str) -> T {
    let value = Spi::get_one::<T>(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    value.unwrap_or_else(|| panic!("{sql}: the answer is null"))
}

/// Runs statements for their effect.
pub(crate) fn run(sql: &str) {
    Spi::run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The tables, a workspace and one usable account. The psql-like settings `t.ws` and `t.account` hold their ids.
pub(crate) fn fixture() {
    run("SELECT count(*) FROM crier.migrate()");
    run("SELECT set_config('t.owner', '0193a0c0-0000-7000-8000-000000000001', true)");
    run(
        "SELECT set_config('t.ws', crier.create_workspace('Acme', current_setting('t.owner')::uuid)::text, true)",
    );
    run(
        "SELECT set_config('t.account', account_id::text, true) FROM crier.connect_account(
             current_setting('t.ws')::uuid, 'bluesky', 'did:plc:alice', 'alice.test', 'https://pds.example')",
    );
    run(
        "SELECT crier.store_credential(current_setting('t.account')::uuid, 1, '\\x0101' || decode(repeat('00', 40), 'hex'))",
    );
}

/// A post on the account of the fixture; `t.post` holds its id.
pub(crate) fn post() {
    run("SELECT set_config('t.post', crier.create_post(current_setting('t.ws')::uuid, 'hello',
             ARRAY[current_setting('t.account')::uuid])::text, true)");
}

/// Claims the one job there is; `t.job` and `t.token` hold its id and token.
pub(crate) fn claim() {
    run("SELECT set_config('t.job', job_id::text, true), set_config('t.token', token::text, true)
         FROM crier.claim_jobs('w')");
}

/// Lets the waiting jobs be due now.
pub(crate) fn make_due() {
    run("SELECT crier.retry_jobs(ARRAY(SELECT id FROM crier.jobs
             WHERE state IN ('pending', 'retrying') AND run_at > clock_timestamp()))");
}

/// Lets the leases run out.
pub(crate) fn lapse_leases() {
    run("SELECT crier.expire_leases()");
}

/// The state of the target of the fixture's post.
pub(crate) fn target_state() -> String {
    one("SELECT state FROM crier.post_target WHERE post_id = current_setting('t.post')::uuid")
}

/// Runs `sql`, which must be refused, and answers with SQLSTATE, message, detail and hint. What it did before it
/// was refused is undone, as for any client.
pub(crate) fn refused(sql: &str) -> [String; 4] {
    run(
        "CREATE TEMP TABLE IF NOT EXISTS refusal (state text, message text, detail text, hint text) ON COMMIT DROP",
    );
    run("TRUNCATE refusal");
    let quoted = pgrx::spi::quote_literal(sql);
    run(&format!(
        "DO $do$ DECLARE s text; m text; d text; h text; BEGIN
             EXECUTE {quoted};
         EXCEPTION WHEN OTHERS THEN
             GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
             INSERT INTO refusal VALUES (s, m, d, h);
         END $do$"
    ));
    let column = |name: &str| {
        let sql = format!("SELECT {name} FROM refusal");
        Spi::get_one::<String>(&sql).ok().flatten().unwrap_or_else(|| panic!("not refused: {quoted}"))
    };
    [column("state"), column("message"), column("detail"), column("hint")]
}

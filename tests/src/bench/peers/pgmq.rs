//! pgmq, with the SQL that its crate carries: once with finished messages deleted, once with them archived.

use crate::bench::client::{Adding, Form, System, Taking};
use crate::cluster::Database;

pub(in crate::bench) const ARCHIVING: &str = "pgmq, archive";
const DELETING: &str = "pgmq, delete";

const QUEUE: &str = "SELECT pgmq.create('bench')";
const SEND: &str = "SELECT pgmq.send('bench', $1::jsonb)";
const SEND_BATCH: &str = "SELECT pgmq.send_batch('bench', $1::jsonb[])";
const READ: &str = "SELECT msg_id, message FROM pgmq.read('bench', 60, $1)";
const DELETE: &str = "SELECT pgmq.delete('bench', $1::bigint[])";
const ARCHIVE: &str = "SELECT pgmq.archive('bench', $1::bigint[])";
const EMPTY: &str = "TRUNCATE pgmq.q_bench, pgmq.a_bench";

/// The two ways to use it, or why there is none.
pub(super) async fn install(database: &Database) -> Result<[System; 2], String> {
    install_sql(database).await?;
    database.connect().await.rows(QUEUE, &[]).await;
    let system = |name, finish| System {
        name,
        schema: "pgmq",
        adding: Adding { one: SEND, many: SEND_BATCH, form: Form::Payloads },
        taking: Taking { claim: READ, claim_or_wait: None, finish, exchange: None, fenced: false },
        empty: Some(EMPTY),
    };
    Ok([system(DELETING, DELETE), system(ARCHIVING, ARCHIVE)])
}

#[cfg(feature = "peers")]
async fn install_sql(database: &Database) -> Result<(), String> {
    let failed = |error| format!("its SQL can't be installed: {error}");
    // it wants a password, though the server asks for none
    let url = database.url("postgres:none");
    let queue = pgmq::PGMQueueExt::new(url, 1).await.map_err(failed)?;
    queue.install_sql_from_embedded().await.map_err(failed)?;
    queue.connection.close().await;
    Ok(())
}

#[cfg(not(feature = "peers"))]
async fn install_sql(_: &Database) -> Result<(), String> {
    Err("crier-bench was built without the feature `peers`, which carries its SQL".to_owned())
}

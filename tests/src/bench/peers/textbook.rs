//! The queue that a textbook builds: one table whose rows change their state, SKIP LOCKED, a partial index over what
//! waits. Finished jobs stay, as history.

use crate::bench::client::{Adding, Form, System, Taking};
use crate::cluster::Database;

const TABLES: &str = "
    CREATE SCHEMA textbook;
    CREATE TABLE textbook.job (
        id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind             text        NOT NULL,
        payload          jsonb       NOT NULL,
        priority         integer     NOT NULL DEFAULT 0,
        state            text        NOT NULL DEFAULT 'pending',
        run_at           timestamptz NOT NULL DEFAULT now(),
        attempt          integer     NOT NULL DEFAULT 0,
        worker           text,
        lease_expires_at timestamptz,
        created_at       timestamptz NOT NULL DEFAULT now(),
        finished_at      timestamptz
    );
    CREATE INDEX job_pending ON textbook.job (priority DESC, run_at, id) WHERE state = 'pending'";

const ADD: &str = "INSERT INTO textbook.job (kind, payload) VALUES ('bench', $1)";
const ADD_MANY: &str = "INSERT INTO textbook.job (kind, payload) SELECT 'bench', unnest($1::jsonb[])";
const CLAIM: &str = "
    WITH due AS MATERIALIZED (
        SELECT id FROM textbook.job
        WHERE state = 'pending' AND run_at <= now()
        ORDER BY priority DESC, run_at, id
        LIMIT $1::integer
        FOR UPDATE SKIP LOCKED
    )
    UPDATE textbook.job j
    SET state = 'running', attempt = attempt + 1, worker = 'bench', lease_expires_at = now() + interval '1 minute'
    FROM due WHERE j.id = due.id
    RETURNING j.id, j.payload";
const FINISH: &str = "
    UPDATE textbook.job SET state = 'done', lease_expires_at = NULL, finished_at = now()
    WHERE id = ANY ($1::bigint[]) AND state = 'running'";
const EMPTY: &str = "TRUNCATE textbook.job";

pub(super) async fn install(database: &Database) -> System {
    database.connect().await.run(TABLES).await;
    System {
        name: "textbook",
        schema: "textbook",
        adding: Adding { one: ADD, many: ADD_MANY, form: Form::Payloads },
        taking: Taking { claim: CLAIM, claim_or_wait: None, finish: FINISH, exchange: None, fenced: false },
        empty: Some(EMPTY),
    }
}

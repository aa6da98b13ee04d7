//! Two sessions at once: somebody cancels a thread while a part of it comes out.

use super::*;
use crier_tests::session::{Params, Session};
use tokio_postgres::error::SqlState;

const REPORT: &str = "SELECT crier.report_targets(ARRAY[$1::uuid], ARRAY[$2::bigint], '{published}', \
                      ARRAY['{\"external_id\": \"at://one\", \"url\": \"https://bsky.app/one\", \"cid\": \"c\"}'::jsonb])";

const CANCEL: &str = "SELECT c.state FROM crier.cancel_post($1) c JOIN crier.post_target t ON t.id = c.target_id ORDER BY t.part";

/// A thread of three whose first part is sent, with two sessions; the job of that part and its token.
struct Race {
    _sim: Sim,
    stage: Stage,
    post: Uuid,
    job: Uuid,
    token: i64,
    worker: Session,
    member: Session,
}

impl Race {
    async fn begin() -> Self {
        let (sim, stage) = simulated().await;
        let post = thread(&stage, "one", &json!(["two", "three"])).await;
        let claimed = stage.sql.row("SELECT job_id, token FROM crier.claim_jobs('w')", &[]).await;
        let (job, token): (Uuid, i64) = (claimed.get(0), claimed.get(1));
        for step in ["crier.start_target($1, $2)", "crier.record_intent($1, $2, 'key', 'request')"] {
            stage.sql.rows(&format!("SELECT {step}"), &[&job, &token]).await;
        }
        let (worker, member) = (stage.database.connect().await, stage.database.connect().await);
        Self { _sim: sim, stage, post, job, token, worker, member }
    }

    async fn report(&self) {
        self.worker.rows(REPORT, &[&self.job, &self.token]).await;
    }

    async fn cancel(&self) -> String {
        self.member.column::<String>(CANCEL, &[&self.post]).await.join(" ")
    }

    /// Checks that a session is told to try again, and not kept waiting for what another one has under way.
    async fn is_busy(&self, session: &Session, sql: &str, params: Params<'_>) {
        let refused = session.query(sql, params).await.expect_err("another transaction has the job");
        assert_eq!(refused.code(), Some(&SqlState::LOCK_NOT_AVAILABLE), "{refused}");
        assert_eq!(states(&self.stage, self.post).await, ["committing", "waiting", "waiting"]);
    }

    /// Nothing is left to hand out, and nothing is published but the first part.
    async fn is_over(&self) {
        assert_eq!(states(&self.stage, self.post).await, ["published", "canceled", "canceled"]);
        assert!(self.stage.sql.rows("SELECT * FROM crier.claim_jobs('w')", &[]).await.is_empty());
        let unfinished = "SELECT count(*) FROM crier.jobs WHERE finished_at IS NULL";
        assert_eq!(self.stage.sql.text(unfinished).await, "0");
    }
}

#[tokio::test]
async fn a_cancel_beside_a_report_cancels_the_part_that_this_has_made_due() {
    let race = Race::begin().await;
    race.worker.run("BEGIN").await;
    race.report().await;
    race.is_busy(&race.member, CANCEL, &[&race.post]).await;
    race.worker.run("COMMIT").await;
    assert_eq!(race.cancel().await, "published canceled canceled");
    race.is_over().await;
}

#[tokio::test]
async fn a_report_beside_a_cancel_makes_no_part_due() {
    let race = Race::begin().await;
    race.member.run("BEGIN").await;
    assert_eq!(race.cancel().await, "committing canceled canceled");
    race.is_busy(&race.worker, REPORT, &[&race.job, &race.token]).await;
    race.member.run("COMMIT").await;
    race.report().await;
    race.is_over().await;
}

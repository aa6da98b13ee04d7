//! Webhooks that platforms send.

use std::time::SystemTime;

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::first;
use super::pool::{Db, Param};
use super::rows::contract;
use crate::error::Error;

const RECEIVE_WEBHOOK: &str = "SELECT duplicate, webhooks FROM crier.receive_webhook($1, $2, $3, $4, $5, $6)";
const START_WEBHOOK: &str =
    "SELECT webhook_id, platform, payload, received_at FROM crier.start_webhook($1, $2)";
const REPORT_WEBHOOK: &str = "SELECT crier.report_webhook($1, $2, $3, $4, $5, $6, $7)";

/// A delivery that is to be stored, part by part.
#[derive(Debug, Default)]
pub(crate) struct NewWebhook<'a> {
    /// The endpoint.
    pub(crate) source: &'a str,
    /// What is the same when it is sent again.
    pub(crate) key: String,
    /// Those of its headers that are kept.
    pub(crate) headers: Value,
    pub(crate) platforms: Vec<&'static str>,
    pub(crate) external_ids: Vec<Option<String>>,
    /// JSON.
    pub(crate) payloads: Vec<String>,
}

/// A webhook that is to be processed.
#[derive(Debug)]
pub(crate) struct StoredWebhook {
    pub(crate) id: Uuid,
    pub(crate) platform: String,
    pub(crate) payload: Value,
    pub(crate) received_at: SystemTime,
}

/// What processing came to.
#[derive(Debug)]
pub(crate) struct WebhookReport {
    /// `done` or an error class.
    pub(crate) outcome: &'static str,
    pub(crate) kinds: Vec<String>,
    pub(crate) revoked_at: Option<SystemTime>,
    pub(crate) publish_ids: Vec<String>,
    pub(crate) error: Option<Value>,
}

impl Db {
    /// Stores a delivery. How many webhooks it became; `None`: it was received before.
    pub(crate) async fn receive_webhook(&self, new: &NewWebhook<'_>) -> Result<Option<i32>, Error> {
        let params: &[Param<'_>] = &[
            (&new.source, Type::TEXT),
            (&new.key, Type::TEXT),
            (&new.headers, Type::JSONB),
            (&new.platforms, Type::TEXT_ARRAY),
            (&new.external_ids, Type::TEXT_ARRAY),
            (&new.payloads, Type::TEXT_ARRAY),
        ];
        let row = self.one(RECEIVE_WEBHOOK, params).await?;
        let (duplicate, webhooks): (bool, i32) =
            (row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?);
        Ok((!duplicate).then_some(webhooks))
    }

    /// What a job is to process; `None` if the lease is lost or there is nothing to process any more.
    pub(crate) async fn start_webhook(
        &self,
        job_id: Uuid,
        token: i64,
    ) -> Result<Option<StoredWebhook>, Error> {
        let row = self.optional(START_WEBHOOK, &[(&job_id, Type::UUID), (&token, Type::INT8)]).await?;
        row.map(|row| {
            Ok(StoredWebhook {
                id: row.try_get(0).map_err(contract)?,
                platform: row.try_get(1).map_err(contract)?,
                payload: row.try_get(2).map_err(contract)?,
                received_at: row.try_get(3).map_err(contract)?,
            })
        })
        .transpose()
    }

    /// Says what processing came to. The state of the job then; `None` if the lease is lost.
    pub(crate) async fn report_webhook(
        &self,
        job_id: Uuid,
        token: i64,
        report: &WebhookReport,
    ) -> Result<Option<String>, Error> {
        let params: &[Param<'_>] = &[
            (&job_id, Type::UUID),
            (&token, Type::INT8),
            (&report.outcome, Type::TEXT),
            (&report.kinds, Type::TEXT_ARRAY),
            (&report.revoked_at, Type::TIMESTAMPTZ),
            (&report.publish_ids, Type::TEXT_ARRAY),
            (&report.error, Type::JSONB),
        ];
        first(&self.one(REPORT_WEBHOOK, params).await?)
    }
}

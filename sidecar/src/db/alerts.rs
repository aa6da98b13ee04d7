//! Alerts: their deliveries and their endpoints.

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::{Db, Param};
use super::rows::contract;
use super::{Alert, AlertEndpoint, all, first};
use crate::error::Error;
use crate::webhook::Endpoint;

const START_ALERT: &str =
    "SELECT endpoint_id, workspace_id, url, sealed, kind, body FROM crier.start_alert($1, $2)";
const REPORT_ALERT: &str = "SELECT crier.report_alert($1, $2, $3, $4)";
const ADD_ALERT_ENDPOINT: &str = "SELECT crier.add_alert_endpoint($1, $2, $3, $4, $5)";
const LIST_ALERT_ENDPOINTS: &str = "SELECT id, workspace_id, url, kinds, disabled_because, \
     failing_since IS NOT NULL AS failing, last_error, waiting FROM crier.list_alert_endpoints($1)";
const REMOVE_ALERT_ENDPOINT: &str = "SELECT crier.remove_alert_endpoint($1)";
const GET_ALERT_ENDPOINT: &str = "SELECT workspace_id, url, sealed FROM crier.get_alert_endpoint($1)";
const NEW_ID: &str = "SELECT crier.new_id()";

impl Db {
    /// What an alert says and where it goes; `None` if the lease is lost or there is nothing to deliver any more.
    pub(crate) async fn start_alert(&self, job_id: Uuid, token: i64) -> Result<Option<Alert>, Error> {
        let params: &[Param<'_>] = &[(&job_id, Type::UUID), (&token, Type::INT8)];
        self.optional(START_ALERT, params).await?.map(Alert::try_from).transpose()
    }

    /// Says how a delivery came out: `delivered` or an error class. The state of the job then; `None` if the lease is lost.
    pub async fn report_alert(
        &self,
        job_id: Uuid,
        token: i64,
        outcome: &str,
        error: Option<&Value>,
    ) -> Result<Option<String>, Error> {
        let params: &[Param<'_>] =
            &[(&job_id, Type::UUID), (&token, Type::INT8), (&outcome, Type::TEXT), (&error, Type::JSONB)];
        first(&self.one(REPORT_ALERT, params).await?)
    }

    /// Adds an endpoint with its sealed secret.
    pub async fn add_alert_endpoint(
        &self,
        id: Uuid,
        url: &str,
        sealed: &[u8],
        workspace_id: Option<Uuid>,
        kinds: Option<&[String]>,
    ) -> Result<(), Error> {
        let params: &[Param<'_>] = &[
            (&id, Type::UUID),
            (&url, Type::TEXT),
            (&sealed, Type::BYTEA),
            (&workspace_id, Type::UUID),
            (&kinds, Type::TEXT_ARRAY),
        ];
        self.rows(ADD_ALERT_ENDPOINT, params).await.map(drop)
    }

    /// The endpoints of a workspace, or all.
    pub async fn list_alert_endpoints(
        &self,
        workspace_id: Option<Uuid>,
    ) -> Result<Vec<AlertEndpoint>, Error> {
        all(self.rows(LIST_ALERT_ENDPOINTS, &[(&workspace_id, Type::UUID)]).await?)
    }

    /// Removes an endpoint.
    pub async fn remove_alert_endpoint(&self, id: Uuid) -> Result<(), Error> {
        self.rows(REMOVE_ALERT_ENDPOINT, &[(&id, Type::UUID)]).await.map(drop)
    }

    /// Where an endpoint is, and its sealed secret.
    pub(crate) async fn get_alert_endpoint(&self, id: Uuid) -> Result<Endpoint, Error> {
        let row = self.one(GET_ALERT_ENDPOINT, &[(&id, Type::UUID)]).await?;
        Ok(Endpoint {
            id,
            workspace_id: row.try_get(0).map_err(contract)?,
            url: row.try_get(1).map_err(contract)?,
            sealed: row.try_get(2).map_err(contract)?,
        })
    }

    /// A new id.
    pub async fn new_id(&self) -> Result<Uuid, Error> {
        first(&self.one(NEW_ID, &[]).await?)
    }
}

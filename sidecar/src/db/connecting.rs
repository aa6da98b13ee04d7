//! Logins by OAuth: their steps, the apps that are registered at servers, and what they end with.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::first;
use super::pool::{Db, Param};
use super::rows::contract;
use crate::error::Error;

const TAKE: &str = "SELECT workspace_id, state_id, user_id, platform, server, account_id, external_id, return_url, \
     browser_hash, sealed, allowed FROM crier.take_oauth_state($1, $2)";
const KEEP: &str = "SELECT crier.keep_oauth_state($1, $2, $3, $4, $5, $6, $7)";
const END: &str = "SELECT crier.end_oauth_state($1, $2)";
const GET_APP: &str = "SELECT id, generation, sealed, checked_at FROM crier.get_app_registration($1, $2, $3)";
const BEGIN_APP: &str = "SELECT id, generation FROM crier.begin_app_registration($1, $2, $3, $4, \
     pg_catalog.make_interval(secs => $5))";
const STORE_APP: &str = "SELECT crier.store_app_registration($1, $2, $3)";
const RELEASE_APP: &str = "SELECT crier.release_app_registration($1, $2)";
const NOTE_APP: &str = "SELECT crier.note_app_registration($1, $2, $3)";

/// A step of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The application's ticket.
    Ticket,
    /// The state that comes back from the platform.
    Login,
    /// The choice between accounts.
    Choice,
    /// What was granted, which the application has to confirm.
    Granted,
    /// What it has confirmed, by the ticket it got for that.
    Confirmed,
}

impl Step {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Login => "login",
            Self::Choice => "choice",
            Self::Granted => "granted",
            Self::Confirmed => "confirmed",
        }
    }
}

/// A login of which a step was taken.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) workspace_id: Uuid,
    pub(crate) id: Uuid,
    /// Who asked for it.
    pub(crate) user_id: Option<Uuid>,
    pub(crate) platform: String,
    /// What the application named; after the first step, the server itself.
    pub(crate) server: Option<String>,
    /// The account that has to log in again: its id on the platform.
    pub(crate) again: Option<String>,
    pub(crate) return_url: String,
    pub(crate) browser_hash: Option<Vec<u8>>,
    pub(crate) sealed: Option<Vec<u8>>,
    /// Whether the user may still connect accounts.
    pub(crate) allowed: bool,
}

/// An app that is registered at a server, sealed.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) id: Uuid,
    pub(crate) generation: i64,
    pub(crate) sealed: Vec<u8>,
    /// When the server said last that it knows the app.
    pub(crate) checked_at: Option<SystemTime>,
}

impl TryFrom<Row> for Login {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            workspace_id: row.try_get(0).map_err(contract)?,
            id: row.try_get(1).map_err(contract)?,
            user_id: row.try_get(2).map_err(contract)?,
            platform: row.try_get(3).map_err(contract)?,
            server: row.try_get(4).map_err(contract)?,
            again: row.try_get(6).map_err(contract)?,
            return_url: row.try_get(7).map_err(contract)?,
            browser_hash: row.try_get(8).map_err(contract)?,
            sealed: row.try_get(9).map_err(contract)?,
            allowed: row.try_get(10).map_err(contract)?,
        })
    }
}

impl Db {
    /// Takes a step with the hash of its secret; nothing where that is unknown, used or too old.
    pub(crate) async fn take_oauth_state(&self, step: Step, hash: &[u8]) -> Result<Option<Login>, Error> {
        let params: &[Param<'_>] = &[(&step.as_str(), Type::TEXT), (&hash, Type::BYTEA)];
        self.optional(TAKE, params).await?.map(Login::try_from).transpose()
    }

    /// Keeps what the next step needs; `false` where the login is not at it.
    pub(crate) async fn keep_oauth_state(
        &self,
        login: &Login,
        step: Step,
        hash: &[u8],
        sealed: &[u8],
        browser_hash: Option<&[u8]>,
        server: &str,
    ) -> Result<bool, Error> {
        let params: &[Param<'_>] = &[
            (&login.workspace_id, Type::UUID),
            (&login.id, Type::UUID),
            (&step.as_str(), Type::TEXT),
            (&hash, Type::BYTEA),
            (&sealed, Type::BYTEA),
            (&browser_hash, Type::BYTEA),
            (&server, Type::TEXT),
        ];
        first(&self.one(KEEP, params).await?)
    }

    /// Forgets a login that has come to its end.
    pub(crate) async fn end_oauth_state(&self, workspace_id: Uuid, id: Uuid) -> Result<(), Error> {
        self.rows(END, &[(&workspace_id, Type::UUID), (&id, Type::UUID)]).await.map(drop)
    }

    /// The app that is registered at a server.
    pub(crate) async fn get_app_registration(
        &self,
        platform: &str,
        server: &str,
        redirect_uri: &str,
    ) -> Result<Option<Registration>, Error> {
        let params: &[Param<'_>] =
            &[(&platform, Type::TEXT), (&server, Type::TEXT), (&redirect_uri, Type::TEXT)];
        let row = self.optional(GET_APP, params).await?;
        row.map(|row| {
            Ok(Registration {
                id: row.try_get(0).map_err(contract)?,
                generation: row.try_get(1).map_err(contract)?,
                sealed: row.try_get(2).map_err(contract)?,
                checked_at: row.try_get(3).map_err(contract)?,
            })
        })
        .transpose()
    }

    /// Asks to be the one who registers an app in the place of that of a generation; the id and generation to seal it for.
    pub(crate) async fn begin_app_registration(
        &self,
        platform: &str,
        server: &str,
        redirect_uri: &str,
        generation: i64,
        lease: Duration,
    ) -> Result<Option<(Uuid, i64)>, Error> {
        let lease = lease.as_secs_f64();
        let params: &[Param<'_>] = &[
            (&platform, Type::TEXT),
            (&server, Type::TEXT),
            (&redirect_uri, Type::TEXT),
            (&generation, Type::INT8),
            (&lease, Type::FLOAT8),
        ];
        let row = self.optional(BEGIN_APP, params).await?;
        row.map(|row| Ok((row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?))).transpose()
    }

    /// Stores a registered app; `false` if there is a newer one.
    pub(crate) async fn store_app_registration(
        &self,
        id: Uuid,
        generation: i64,
        sealed: &[u8],
    ) -> Result<bool, Error> {
        let params: &[Param<'_>] = &[(&id, Type::UUID), (&generation, Type::INT8), (&sealed, Type::BYTEA)];
        first(&self.one(STORE_APP, params).await?)
    }

    /// Gives back the right to register an app of which nothing came.
    pub(crate) async fn release_app_registration(&self, id: Uuid, generation: i64) -> Result<(), Error> {
        self.rows(RELEASE_APP, &[(&id, Type::UUID), (&generation, Type::INT8)]).await.map(drop)
    }

    /// Notes whether a server still knows an app.
    pub(crate) async fn note_app_registration(
        &self,
        id: Uuid,
        generation: i64,
        known: bool,
    ) -> Result<(), Error> {
        let params: &[Param<'_>] = &[(&id, Type::UUID), (&generation, Type::INT8), (&known, Type::BOOL)];
        self.rows(NOTE_APP, params).await.map(drop)
    }
}

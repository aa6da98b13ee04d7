//! Where sealed values belong: a value opens only at its place.
//!
//! A new place is a variant of [`Place`], a [`Column`], and a line in [`Place::parts`]. If it lives for longer than some minutes,
//! `crierd keys rotate` has to find it: a line in [`STORED`], and one in the extension's `keys/resealing.rs`.

use uuid::Uuid;

/// Where a sealed value belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The tokens of an account.
    Credential {
        /// The tenant.
        workspace_id: Uuid,
        /// The account.
        account_id: Uuid,
        /// The generation of the credential.
        generation: i64,
    },
    /// What signs the alerts to an endpoint. A new secret is a new endpoint.
    AlertEndpoint {
        /// The tenant; none for an endpoint of the operator.
        workspace_id: Option<Uuid>,
        /// The endpoint.
        endpoint_id: Uuid,
    },
    /// What a login needs for its next step.
    OAuthState {
        /// The tenant.
        workspace_id: Uuid,
        /// The login.
        state_id: Uuid,
        /// The number of the step: what one needs opens at no other.
        step: i64,
    },
    /// The secret of an app that was registered at a server. All tenants share it.
    AppRegistration {
        /// The registration.
        id: Uuid,
        /// Its generation.
        generation: i64,
    },
}

/// A column of sealed values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Table and column: what values are bound to, for ever.
    pub(crate) name: &'static str,
    /// What a value is, before the id of its row.
    what: &'static str,
    /// What helps where a value can't be opened.
    remedy: &'static str,
}

const CREDENTIAL: Column =
    Column { name: "credential.sealed", what: "credential of account", remedy: "connect the account again" };
const ALERT_ENDPOINT: Column = Column {
    name: "alert_endpoint.sealed",
    what: "secret of alert endpoint",
    remedy: "add the endpoint again",
};

const OAUTH_STATE: Column =
    Column { name: "oauth_state.sealed", what: "login", remedy: "begin the login again" };
/// Registered again where it can't be opened: no rotation needs to find it.
const APP_REGISTRATION: Column = Column {
    name: "app_registration.sealed",
    what: "registered app",
    remedy: "delete its row of crier.app_registration",
};

/// The columns that `crierd keys rotate` goes through.
pub(crate) const STORED: [&Column; 2] = [&CREDENTIAL, &ALERT_ENDPOINT];

/// A place, taken apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    /// None: the installation.
    pub(crate) workspace_id: Option<Uuid>,
    pub(crate) column: &'static Column,
    pub(crate) row_id: Uuid,
    pub(crate) generation: i64,
}

impl Place {
    pub(crate) fn parts(self) -> Parts {
        let (column, workspace_id, row_id, generation) = match self {
            Self::Credential { workspace_id, account_id, generation } => {
                (&CREDENTIAL, Some(workspace_id), account_id, generation)
            }
            Self::AlertEndpoint { workspace_id, endpoint_id } => {
                (&ALERT_ENDPOINT, workspace_id, endpoint_id, 1)
            }
            Self::OAuthState { workspace_id, state_id, step } => {
                (&OAUTH_STATE, Some(workspace_id), state_id, step)
            }
            Self::AppRegistration { id, generation } => (&APP_REGISTRATION, None, id, generation),
        };
        Parts { workspace_id, column, row_id, generation }
    }
}

impl Parts {
    /// For instance "the credential of account 0193…".
    pub(super) fn what(&self) -> String {
        format!("the {} {}", self.column.what, self.row_id)
    }

    /// What helps where all keys are right.
    pub(super) fn remedy(&self) -> &'static str {
        self.column.remedy
    }

    /// The workspace's id, as values and keys are bound to it. No tenant has the nil id.
    pub(super) fn workspace_bytes(&self) -> [u8; 16] {
        self.workspace_id.unwrap_or_default().into_bytes()
    }
}

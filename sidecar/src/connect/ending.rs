//! How a login ends that did not connect an account: a word for the application, a sentence for the person.

use crier_core::error_class::ErrorClass;
use tracing::error;
use url::Url;

use crate::error::Error;
use crate::providers::{Failure, UNKNOWN_APP, WRONG_ACCOUNT, WRONG_ISSUER};

/// The end of a login.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) reason: Reason,
    /// Where the person is sent back to; nowhere where that is not known, or not allowed.
    pub(crate) back: Option<Url>,
}

/// Why. docs/connect.md lists the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The installation is not set up for it.
    NotConfigured,
    /// There is no app for the platform.
    NoApp,
    /// The platform has no OAuth, or this crierd doesn't know it.
    Unsupported,
    /// The ticket is for another platform.
    OtherPlatform,
    /// The server that was named can't be used.
    Server,
    /// Where the person was to be sent back to is not allowed.
    ReturnUrl,
    /// Unknown, used or too old.
    Expired,
    /// It is not an answer.
    Malformed,
    /// Another browser.
    Browser,
    /// Another issuer.
    Issuer,
    /// The user may not connect accounts any more.
    NotAllowed,
    /// The person said no.
    Denied,
    /// The platform says that something went wrong.
    Platform,
    /// The platform does not know the app, or not its secret.
    App,
    /// The code was not accepted.
    Code,
    /// Something needed was not granted.
    Scopes,
    /// There is no account that could be connected.
    NoAccount,
    /// Another account than the one that was meant.
    OtherAccount,
    /// Nothing was chosen.
    NothingChosen,
    /// The platform doesn't answer.
    Unavailable,
    /// The database doesn't.
    Database,
    /// Anything else, which the log explains.
    Internal,
}

impl Reason {
    /// For the application.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::NoApp => "no_app",
            Self::Unsupported => "unsupported",
            Self::OtherPlatform => "other_platform",
            Self::Server => "server_refused",
            Self::ReturnUrl => "return_url_refused",
            Self::Expired => "expired",
            Self::Malformed => "malformed",
            Self::Browser => "other_browser",
            Self::Issuer => "wrong_issuer",
            Self::NotAllowed => "not_allowed",
            Self::Denied => "access_denied",
            Self::Platform => "platform_error",
            Self::App => "app_refused",
            Self::Code => "code_refused",
            Self::Scopes => "missing_scopes",
            Self::NoAccount => "no_account",
            Self::OtherAccount => "other_account",
            Self::NothingChosen => "nothing_chosen",
            Self::Unavailable => "platform_unavailable",
            Self::Database => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// For the person.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::NotConfigured => "Connecting accounts is not set up here. Please tell the operator.",
            Self::NoApp => "There is no app for this platform here. Please tell the operator.",
            Self::Unsupported => "Accounts of this platform can't be connected in this way.",
            Self::OtherPlatform => {
                "This link is for another platform. Please begin again in the application."
            }
            Self::Server => "The server that was named can't be used. Please check its name and begin again.",
            Self::ReturnUrl => {
                "This link would lead to a page that is not known here. Please tell the operator of the application."
            }
            Self::Expired => {
                "This link was used already, or is too old. Please begin again in the application."
            }
            Self::Malformed => "The platform's answer can't be read. Please begin again in the application.",
            Self::Browser => {
                "This login was begun in another browser. Please begin again in the application, and stay in one browser."
            }
            Self::Issuer => {
                "The answer came from another server than the login began with. Nothing was connected."
            }
            Self::NotAllowed => "You may no longer connect accounts of this workspace. Please ask its owner.",
            Self::Denied => "You did not give access. Nothing was connected.",
            Self::Platform => "The platform could not finish the login. Please try again.",
            Self::App => {
                "The platform does not accept the app of this installation. Please try again, or tell the operator."
            }
            Self::Code => {
                "The platform did not accept the login any more. Please begin again in the application."
            }
            Self::Scopes => {
                "The account was not connected, because a permission is missing. Please begin again and grant all that is asked for."
            }
            Self::NoAccount => "There is no account that could be connected.",
            Self::OtherAccount => {
                "You logged in with another account than the one that was meant. Nothing was changed."
            }
            Self::NothingChosen => "No account was chosen. Please begin again in the application.",
            Self::Unavailable => "The platform does not answer. Please try again later.",
            Self::Database => "Something is not available at the moment. Please try again.",
            Self::Internal => "Something went wrong here. Please tell the operator.",
        }
    }

    /// The status of a page that says so.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::NotConfigured | Self::NoApp | Self::Unavailable | Self::Database => 503,
            Self::Internal => 500,
            Self::Browser | Self::NotAllowed => 403,
            _ => 400,
        }
    }

    /// What the failure of a platform's part means for a login.
    pub(super) fn of(failure: &Failure) -> Self {
        match (failure.code.as_deref(), failure.class) {
            (Some(WRONG_ISSUER), _) => Self::Issuer,
            (Some(UNKNOWN_APP), _) => Self::App,
            (Some(WRONG_ACCOUNT), _) => Self::OtherAccount,
            (_, ErrorClass::AuthRevoked | ErrorClass::AuthExpired) => Self::Code,
            (_, ErrorClass::Permission) => Self::Scopes,
            (_, ErrorClass::TargetMissing) => Self::NoAccount,
            (_, ErrorClass::Config) => Self::NotConfigured,
            (_, ErrorClass::Unsupported) => Self::Unsupported,
            (
                _,
                ErrorClass::Transient
                | ErrorClass::RateLimited
                | ErrorClass::QuotaExhausted
                | ErrorClass::OutcomeUnknown,
            ) => Self::Unavailable,
            _ => Self::Platform,
        }
    }
}

impl From<Error> for Reason {
    fn from(error: Error) -> Self {
        error!(%error, "a login can't go on");
        if error.is_passing() { Self::Database } else { Self::Internal }
    }
}

impl From<Reason> for End {
    fn from(reason: Reason) -> Self {
        Self { reason, back: None }
    }
}

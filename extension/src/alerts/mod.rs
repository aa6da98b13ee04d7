//! What administrators are told by signed webhooks: when something went wrong for good, and what is above its threshold.
//! Each alert is a job for each endpoint that wants it, added by the transaction that caused it. `docs/alerts.md` lists them.

pub(crate) mod account;
mod deliver;
mod endpoints;
mod raise;

pub(crate) use raise::{Alert, raise, told_error};

/// The kind of the jobs that deliver. Nobody but this module makes them.
pub(crate) const DELIVER: &str = "deliver_alert";

/// A target ended refused or given up, and is certainly not published.
pub(crate) const POST_FAILED: &str = "post.failed";
/// Nobody could find out whether a post was published.
pub(crate) const POST_UNCONFIRMED: &str = "post.unconfirmed";
/// Something else that an account was to do ended refused or given up, and was certainly not done.
pub(crate) const ACTION_FAILED: &str = "action.failed";
/// Nobody knows whether a message was sent.
pub(crate) const ACTION_UNCONFIRMED: &str = "action.unconfirmed";
/// An account needs a new login.
pub(crate) const REAUTH_REQUIRED: &str = "account.reauth_required";
/// A credential could not be refreshed, and may be later.
pub(crate) const REFRESH_FAILED: &str = "credential.refresh_failed";
/// Something is above its threshold from now on.
pub(crate) const THRESHOLD_BEGUN: &str = "threshold.begun";
/// It no longer is.
pub(crate) const THRESHOLD_ENDED: &str = "threshold.ended";

/// Every kind an endpoint can ask for.
const KINDS: [&str; 8] = [
    POST_FAILED,
    POST_UNCONFIRMED,
    ACTION_FAILED,
    ACTION_UNCONFIRMED,
    REAUTH_REQUIRED,
    REFRESH_FAILED,
    THRESHOLD_BEGUN,
    THRESHOLD_ENDED,
];

/// The kinds that are about the whole installation: for the operator's endpoints only.
const OF_ALL: [&str; 2] = [THRESHOLD_BEGUN, THRESHOLD_ENDED];

/// Undelivered alerts that an endpoint may have. What comes then is not told: who takes none of a thousand would not miss it.
const MAX_WAITING: i64 = 1_000;

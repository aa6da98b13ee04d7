//! Why a page is not shown, or nothing was done: in words, with what to do.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use tracing::{error, warn};

use super::pages::sign_in;
use super::shell;
use crate::db::api::{CallError, Refusal};
use crate::error::Error;
use crate::http::api::{Refused, status_of};
use crate::http::body::Unread;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody is signed in, or no longer: why, and where they wanted to go.
    SignIn {
        why: Option<Refused>,
        to: String,
    },
    /// It is not there, or belongs to others.
    NotFound,
    /// The form is not one of this session's pages.
    Forged,
    /// What was sent can't be read.
    Malformed(String),
    Unread(Unread),
    /// SQL says no; and where to go back to.
    Refused {
        refusal: Refusal,
        back: Option<String>,
    },
    /// It could not be done.
    Failed(Error),
    TooSlow,
    /// The person asks more often than a user may.
    TooMany {
        max: i64,
        seconds: u64,
    },
    /// Too many look at once.
    Crowded,
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => Self::Refused { refusal, back: None },
            CallError::NotBegun(error) | CallError::Failed(error) => Self::Failed(error),
        }
    }
}

impl Stop {
    /// The same with a way back to a page.
    pub(super) fn back_to(self, page: &str) -> Self {
        match self {
            Self::Refused { refusal, .. } => Self::Refused { refusal, back: Some(page.to_owned()) },
            other => other,
        }
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        self.shown_at(super::ROOT)
    }
}

impl Stop {
    /// The page that says it; back it goes to `root`, where there is no better place.
    pub(super) fn shown_at(self, root: &str) -> Response {
        let (status, title, words, back) = match self {
            Self::SignIn { why, to } => return sign_in::asked(why.as_ref(), &to),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Not found",
                sentence("There is nothing under this address, or it is not yours to see."),
                None,
            ),
            Self::Forged => (
                StatusCode::FORBIDDEN,
                "Not done",
                sentence(
                    "This did not come from a page of yours, or you have signed in anew since. Open the page again and repeat it.",
                ),
                None,
            ),
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, "Not understood", sentence(&why), None),
            Self::Unread(why) => {
                (why.status(), "Not done", sentence("What you sent could not be read whole."), None)
            }
            Self::Refused { refusal, back } => refused(&refusal, back),
            Self::Failed(error) => {
                let passing = error.is_passing();
                // what passes by itself is nothing to look into
                match passing {
                    true => warn!(%error, "a page of the dashboard can't be shown now"),
                    false => error!(%error, "a page of the dashboard can't be shown"),
                }
                unavailable(passing)
            }
            Self::TooSlow => unavailable(true),
            Self::TooMany { max, seconds } => return too_many(max, seconds),
            Self::Crowded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Not now",
                sentence("Too many pages are open. This one works, without renewing itself."),
                None,
            ),
        };
        let content = html! {
            h1 { (title) }
            div role="alert" { (words) }
            p { a href=(back.as_deref().unwrap_or(root)) { "Back" } }
        };
        shell::bare_at(root, status, title, &content)
    }
}

/// Says when to come again: there is room then.
fn too_many(max: i64, seconds: u64) -> Response {
    let words =
        format!("You have asked more than {max} times within a minute. Try again in {seconds} seconds.");
    let content = html! {
        h1 { "Too many requests" }
        div role="alert" { (sentence(&words)) }
    };
    let mut response = shell::bare(StatusCode::TOO_MANY_REQUESTS, "Too many requests", &content);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

type Told = (StatusCode, &'static str, Markup, Option<String>);

fn sentence(text: &str) -> Markup {
    html! { p { (text) } }
}

fn refused(refusal: &Refusal, back: Option<String>) -> Told {
    let status = status_of(&refusal.state);
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        error!(state = refusal.state, message = refusal.message, "a call of the dashboard failed");
        return unavailable(false);
    }
    let words = html! {
        p { (refusal.message) }
        @if let Some(hint) = &refusal.hint { p { (hint) } }
    };
    (status, "Not done", words, back)
}

fn unavailable(passing: bool) -> Told {
    let words = match passing {
        true => {
            "The database does not answer now. Try again in a moment; look first whether what you asked for was done."
        }
        false => "Something went wrong here. It stands in the log of crierd.",
    };
    let status = if passing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
    (status, "Not now", sentence(words), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::dashboard::shell::tests::text_of;

    fn refusal(state: &str) -> Stop {
        let message = "canary <b>".to_owned();
        let refusal = Refusal { state: state.into(), message, hint: Some("Do this.".into()), reason: None };
        Stop::Refused { refusal, back: None }
    }

    #[tokio::test]
    async fn a_refusal_of_sql_is_shown_as_it_is_and_as_text() {
        let response = refusal("22023").back_to("/dashboard/w/x").into_response();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let text = text_of(response).await;
        assert!(text.contains("canary &lt;b&gt;") && text.contains("Do this."), "{text}");
        assert!(text.contains("href=\"/dashboard/w/x\""), "{text}");
    }

    #[tokio::test]
    async fn what_is_our_fault_is_not_shown() {
        let response = refusal("XX000").into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!text_of(response).await.contains("canary"));
    }
}

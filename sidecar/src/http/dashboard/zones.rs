//! The time zone in which a person reads and writes times: chosen by them, kept in a cookie.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use maud::{Markup, html};

use super::access::Person;
use super::forgery::{self, Form};
use super::stop::Stop;
use super::{Dashboard, ROOT, acts, cookie};
use crate::people::zone;

/// Where it is chosen. The script offers that of the browser where nobody has chosen one.
pub(super) fn form(person: &Person) -> Markup {
    html! {
        form class="zone" method="post" action=(format!("{ROOT}/zone")) {
            input type="hidden" name=(forgery::FIELD) value=(person.form_token());
            input type="hidden" name="back" value=(person.here);
            label for="times-in" { "Times are in" }
            input id="times-in" name="zone" value=(person.zone().name()) autocomplete="off" spellcheck="false" required
                data-unset[!person.has_chosen_zone()];
            button type="submit" class="quiet" { "Change" }
        }
    }
}

pub(super) async fn post(
    State(_): State<Arc<Dashboard>>,
    _: Person,
    Form(form): Form,
) -> Result<Response, Stop> {
    let zone = zone::parse(form.get("zone").unwrap_or_default());
    let zone = zone.map_err(|error| Stop::Malformed(error.to_string()))?;
    let mut response = acts::see(&acts::back(&form, ROOT));
    if let Some(cookie) = cookie::set_zone(zone.name()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

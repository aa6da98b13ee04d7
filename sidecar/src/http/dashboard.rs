//! The dashboard: pages for members of a workspace, made here and complete without a script. Whoever asks is known by the same
//! token as in the API, and everything is asked and done as they are: what they may not see or do, SQL does not show or do.

mod access;
mod acts;
mod assets;
mod calls;
mod connecting;
mod cookie;
mod data;
mod fields;
mod filled;
mod forgery;
mod live;
mod operator;
mod pages;
mod shell;
mod show;
mod standing;
mod stop;
mod times;
mod words;
mod zones;

use std::sync::Arc;

use axum::routing::{any, get, post};
use axum::{Extension, Router};

use super::api::Api;
use access::Uncounted;
pub(crate) use connecting::Connecting;
use live::Live;
pub(super) use operator::routes as operator_routes;

/// Where all of it is.
const ROOT: &str = "/dashboard";

/// What its pages need.
pub(super) struct Dashboard {
    api: Arc<Api>,
    live: Live,
    connecting: Connecting,
    /// Origins of pages that may bring a person's token along.
    origins: Vec<String>,
}

/// Its addresses.
pub(super) fn router(api: Arc<Api>, connecting: Connecting, origins: &[String]) -> Router {
    let live = Live::start(api.own.clone());
    let dashboard = Arc::new(Dashboard { api, live, connecting, origins: origins.to_vec() });
    Router::new()
        .route("/dashboard", get(pages::workspaces::get))
        .route("/dashboard/sign-in", get(pages::sign_in::get).post(pages::sign_in::post))
        .route("/dashboard/sign-out", post(pages::sign_in::out))
        .route("/dashboard/zone", post(zones::post))
        .route("/dashboard/style.css", get(assets::style))
        .route("/dashboard/script.js", get(assets::script))
        .route("/dashboard/w/{workspace}", get(pages::inbox::get))
        .route("/dashboard/w/{workspace}/posts", get(pages::posts::get).post(pages::compose::post))
        .route("/dashboard/w/{workspace}/posts/new", get(pages::compose::get))
        .route("/dashboard/w/{workspace}/posts/{post}", get(pages::post::get))
        .route("/dashboard/w/{workspace}/calendar", get(pages::calendar::get))
        .route("/dashboard/w/{workspace}/accounts", get(pages::accounts::get))
        .route("/dashboard/w/{workspace}/accounts/connect", post(pages::connect::post))
        .route("/dashboard/w/{workspace}/accounts/connected", get(pages::connect::back))
        .route("/dashboard/w/{workspace}/accounts/confirm", post(pages::connect::confirm))
        .route("/dashboard/w/{workspace}/accounts/{account}", get(pages::account::get))
        .route("/dashboard/w/{workspace}/queue", get(pages::queue::get))
        .route(
            "/dashboard/w/{workspace}/schedules",
            get(pages::schedules::get).post(pages::planning::post_new),
        )
        .route("/dashboard/w/{workspace}/schedules/new", get(pages::planning::get_new))
        .route("/dashboard/w/{workspace}/schedules/{schedule}", get(pages::schedule::get))
        .route(
            "/dashboard/w/{workspace}/schedules/{schedule}/change",
            get(pages::planning::get_change).post(pages::planning::post_change),
        )
        .route("/dashboard/w/{workspace}/analytics", get(pages::analytics::get))
        .route("/dashboard/w/{workspace}/activity", get(pages::activity::get))
        .route("/dashboard/w/{workspace}/do/{act}", post(acts::post))
        .route("/dashboard/w/{workspace}/live", get(live::get).layer(Extension(Uncounted)))
        .route("/dashboard/{*rest}", any(pages::no_such_page))
        .with_state(dashboard)
}

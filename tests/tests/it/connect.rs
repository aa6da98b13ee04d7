//! Accounts that are connected by OAuth, from the application's ticket to a post.

mod confirm;
mod flows;
mod oidc;
mod others;
mod refusals;
mod secrets;
mod tenants;

//! Accounts that are connected by OAuth, from the application's ticket to a post.

mod flows;
mod oidc;
mod refusals;
mod secrets;
mod tenants;

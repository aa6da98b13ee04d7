//! Accounts that are connected by OAuth: the ticket an application asks for, the steps of a login that crierd takes, the
//! application's word that the right person came back, and the apps it has registered at servers. No secret is seen here: of those that are good once the hash is kept, everything else
//! is sealed.

mod apps;
mod confirm;
mod state;
mod ticket;

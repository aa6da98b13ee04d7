//! What Crier's tests, benchmarks and demonstration stand on: throwaway Postgres servers, a real sidecar
//! process, a platform simulator with a ledger and faults on demand, and real servers.
//!
//! Nothing here sleeps until something has probably happened: see [`wait::wait_for`].

pub mod api;
pub mod backdoor;
pub mod bench;
pub mod browser;
pub mod call_proxy;
pub mod checkout;
pub mod chromium;
pub mod cluster;
pub mod collector;
pub mod connecting;
mod course;
pub mod crierd;
pub mod direct;
pub mod gate;
pub mod hold_proxy;
pub mod http;
pub mod images;
pub mod installation;
pub mod mastodon_mock;
pub mod nostr_relay;
pub mod npm;
pub mod oidc;
pub mod orders;
pub mod pds;
pub mod pgbouncer;
pub mod process;
mod python;
pub mod receiver;
pub mod scan;
pub mod schemathesis;
pub mod seal;
pub mod sender;
pub mod serve;
pub mod session;
pub mod sim;
pub mod soak;
pub mod stage;
pub mod wait;
pub mod wordpress;
pub mod xrpc;

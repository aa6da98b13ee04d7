//! Crier as its users meet it: the extension in a real Postgres, the sidecar as a real process, the platforms behind
//! real HTTP. One module for each behaviour; all in one program, because each one more links everything again.

mod actions;
mod alerts;
mod bad_input;
mod benchmark;
mod bluesky_pds;
mod catalogue;
mod cli;
mod docs_sql;
mod dump_restore;
mod exactly_once;
mod examples;
mod fault_orders;
mod health;
mod instagram;
mod library_upgrade;
mod limits;
mod maintenance;
mod mastodon;
mod mastodon_mock;
mod pages;
mod plans;
mod pooler;
mod publishing;
mod queue;
mod replication;
mod secrets;
mod simulator;
mod soak;
mod statistics;
mod tenancy;
mod x;

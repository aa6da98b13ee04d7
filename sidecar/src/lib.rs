//! `crierd`, Crier's sidecar: takes jobs from Postgres, publishes to platforms, reports what happened.
//!
//! - [`cli`], [`config`], [`error`]: the program's edges; `init`, `migrate`, `doctor`, `account`, `alert`, `keys`: its commands, and those
//!   of `people` who plan posts
//! - `run`, `worker`, `listen`, `maintenance`, `shutdown`: the loop and what stands around it
//! - [`db`]: every statement that is sent; it never sees HTTP
//! - `jobs`: one file per kind of job; [`providers`]: one per platform, which never see the database
//! - `credentials`, `refresh`, `journal`, [`secrets`]: tokens, their renewal when it is needed and ahead of need, and their seal
//! - `connect`: how accounts come in by OAuth
//! - [`client`], [`media`], `webhook`, `address`, `tls`: how the world outside is called
//! - `metrics`: what is counted; `spans`, `logging`, `traces`: what is told, and what it belongs to
//! - `http`: health checks, metrics, the pages of people who connect an account, webhooks that platforms send, and what an operator calls;
//!   `hooks`: how each platform signs, and what it means

mod account;
mod address;
mod alert;
mod backoff;
pub mod cli;
pub mod client;
pub mod config;
mod connect;
mod credentials;
pub mod db;
mod doctor;
mod due;
pub mod error;
mod hex;
mod hooks;
mod http;
mod init;
mod jobs;
mod journal;
mod keys;
mod listen;
mod logging;
mod maintenance;
pub mod media;
mod metrics;
mod migrate;
mod people;
pub mod providers;
mod refresh;
mod run;
pub mod secrets;
mod shutdown;
mod spans;
mod tls;
mod traces;
mod webhook;
mod websocket;
mod worker;

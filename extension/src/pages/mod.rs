//! Pages: what people look at, piece by piece, at the same speed at any depth. `docs/pagination.md` explains it.
//!
//! Ids are UUIDv7, so a listing by id is one by time, and a place in it is an id. Every function here only reads.

mod activity;
mod by_time;
mod calendar;
mod events;
mod input;
mod jobs;
mod listing;
mod logs;
mod post_pages;
mod posts;
mod schedules;
mod search;
mod span;
mod table;
mod timeline;
mod user_jobs;
mod walk;
mod webhooks;

//! Data keys and what they seal. The sidecar calls these; the database holds nothing that opens any of it.

mod data_key;
mod resealing;
mod rotation;
mod usage;

//! `crierd keys`: the keys that seal secrets in the database. docs/keys.md is for their users.

pub(crate) mod add;
pub(crate) mod rotate;
pub(crate) mod status;

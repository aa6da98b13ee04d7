//! Cursors: where a page of a listing ended, as text that a client hands back to get the next one.
//!
//! ```text
//! version (1) | listing (1) | order (1) | binding (8) | position | checksum (4), in base64url without padding
//! position: 1 | id (16)    or    2 | page (4, big endian) | id (16)    or    3 | count (1) | count values
//! value: 0    or    1 | length (2, big endian) | text
//! ```
//! A cursor carries no authority. Whoever makes one up gets what they may see anyway, from another place on: row
//! security and the function's own scope decide about each row. The checksum and the binding are there to tell a
//! client's mistake (half a cursor, one of another listing, other filters, another user) from an end of the list.

mod bytes;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use bytes::Reader;

/// The version of the format.
pub const VERSION: u8 = 1;
/// The most characters a cursor has.
pub const MAX_CHARS: usize = 8_192;
/// The most values a position has.
pub const MAX_VALUES: usize = 8;
const CHECKSUM_LEN: usize = 4;

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// `crier.list_jobs`
    Jobs,
    /// `crier.list_posts`
    Posts,
    /// `crier.list_logs`
    Logs,
    /// `crier.list_events`
    Events,
    /// `crier.search_jobs`
    JobSearch,
    /// `crier.list_by_time`
    Time,
    /// `crier.get_paginated_data`
    Table,
    /// `crier.list_webhooks`
    Webhooks,
    /// `crier.list_schedules`
    Schedules,
    /// `crier.list_schedule_items`
    ScheduleItems,
    /// `crier.get_activity_log`
    Activity,
}

impl Listing {
    const ALL: [Self; 11] = [
        Self::Jobs,
        Self::Posts,
        Self::Logs,
        Self::Events,
        Self::JobSearch,
        Self::Time,
        Self::Table,
        Self::Webhooks,
        Self::Schedules,
        Self::ScheduleItems,
        Self::Activity,
    ];

    /// The function that makes and takes its cursors.
    pub fn function(self) -> &'static str {
        match self {
            Self::Jobs => "crier.list_jobs",
            Self::Posts => "crier.list_posts",
            Self::Logs => "crier.list_logs",
            Self::Events => "crier.list_events",
            Self::JobSearch => "crier.search_jobs",
            Self::Time => "crier.list_by_time",
            Self::Table => "crier.get_paginated_data",
            Self::Webhooks => "crier.list_webhooks",
            Self::Schedules => "crier.list_schedules",
            Self::ScheduleItems => "crier.list_schedule_items",
            Self::Activity => "crier.get_activity_log",
        }
    }

    /// Never changed once released: it stands in cursors.
    fn tag(self) -> u8 {
        match self {
            Self::Jobs => 1,
            Self::Posts => 2,
            Self::Logs => 3,
            Self::Events => 4,
            Self::JobSearch => 5,
            Self::Time => 6,
            Self::Table => 7,
            Self::Webhooks => 8,
            Self::Schedules => 20,
            Self::ScheduleItems => 21,
            Self::Activity => 31,
        }
    }
}

/// Which way a listing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The newest, or largest, first.
    Descending,
    /// The oldest, or smallest, first.
    Ascending,
}

/// The filters of a listing and who asked, as a hash: all pages of a listing have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding([u8; 8]);

impl Binding {
    /// The binding of named values; the order counts.
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let mut hash = Sha256::new();
        for (name, value) in values {
            for part in [Some(name), value] {
                hash.update([u8::from(part.is_some())]);
                hash.update((part.map_or(0, str::len) as u64).to_be_bytes());
                hash.update(part.unwrap_or_default());
            }
        }
        Self(first(&hash.finalize()))
    }
}

/// The last row of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Its id, which sorts by time.
    Id([u8; 16]),
    /// Its id, and the number of the page that follows.
    Page(u32, [u8; 16]),
    /// What it has in the columns that order the rows; nothing for a null.
    Values(Vec<Option<String>>),
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Of what listing.
    pub listing: Listing,
    /// Which way it goes.
    pub order: Order,
    /// Its filters.
    pub binding: Binding,
    /// Its last row.
    pub position: Position,
}

/// Why text is not the cursor that is needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not made by Crier, or a part of it is missing or changed.
    #[error("is not a cursor, or not all of one")]
    Malformed,
    /// Made by a version that this one does not know.
    #[error("is of version {0}; this version of crier knows version {VERSION}")]
    Version(u8),
    /// Made by another function.
    #[error("is a cursor of {found}, not of {expected}", found = .found.function(), expected = .expected.function())]
    Listing {
        /// The one it was made by.
        found: Listing,
        /// The one it was given to.
        expected: Listing,
    },
    /// Made for other arguments, or for another user.
    #[error("belongs to a listing with other filters or another order, or to another user")]
    Binding,
    /// A position that no cursor can hold.
    #[error("can't hold values of {0} bytes")]
    TooLong(usize),
}

impl Cursor {
    /// The cursor as text.
    pub fn encode(&self) -> Result<String, CursorError> {
        let order = match self.order {
            Order::Descending => 0,
            Order::Ascending => 1,
        };
        let mut bytes = vec![VERSION, self.listing.tag(), order];
        bytes.extend_from_slice(&self.binding.0);
        bytes::write_position(&mut bytes, &self.position)?;
        bytes.extend_from_slice(&checksum(&bytes));
        let text = URL_SAFE_NO_PAD.encode(&bytes);
        if text.len() > MAX_CHARS { Err(CursorError::TooLong(bytes.len())) } else { Ok(text) }
    }

    /// Reads any cursor.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        if text.len() > MAX_CHARS {
            return Err(CursorError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Malformed)?;
        let body = bytes.len().checked_sub(CHECKSUM_LEN).ok_or(CursorError::Malformed)?;
        let (body, sum) = bytes.split_at(body);
        if checksum(body) != sum {
            return Err(CursorError::Malformed);
        }
        let mut reader = Reader(body);
        match reader.byte()? {
            VERSION => {}
            other => return Err(CursorError::Version(other)),
        }
        let tag = reader.byte()?;
        let listing = Listing::ALL.into_iter().find(|listing| listing.tag() == tag);
        let cursor = Self {
            listing: listing.ok_or(CursorError::Malformed)?,
            order: match reader.byte()? {
                0 => Order::Descending,
                1 => Order::Ascending,
                _ => return Err(CursorError::Malformed),
            },
            binding: Binding(reader.array()?),
            position: bytes::read_position(&mut reader)?,
        };
        if reader.0.is_empty() { Ok(cursor) } else { Err(CursorError::Malformed) }
    }

    /// Reads the cursor of a listing; answers with its position.
    pub fn resume(
        text: &str,
        listing: Listing,
        order: Order,
        binding: Binding,
    ) -> Result<Position, CursorError> {
        let cursor = Self::decode(text)?;
        if cursor.listing != listing {
            return Err(CursorError::Listing { found: cursor.listing, expected: listing });
        }
        if (cursor.order, cursor.binding) != (order, binding) {
            return Err(CursorError::Binding);
        }
        Ok(cursor.position)
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    first(&Sha256::digest(bytes))
}

/// The beginning of a hash.
fn first<const N: usize>(hash: &[u8]) -> [u8; N] {
    std::array::from_fn(|at| hash[at])
}

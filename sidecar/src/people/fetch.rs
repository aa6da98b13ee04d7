//! All that a workspace publishes within a time, page by page.

use chrono::{DateTime, Days, Utc};
use uuid::Uuid;

use super::entry::Entry;
use crate::db::{CALENDAR_ROWS, Db};
use crate::error::Error;

/// So much is asked for at a time.
const PAGE: Days = Days::new(31);

/// The posts of a time, and the moments that have more of them than the database shows.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    pub(crate) entries: Vec<Entry>,
    pub(crate) crowded: Vec<DateTime<Utc>>,
}

/// Asks for all of it.
pub(crate) async fn entries(
    db: &Db,
    workspace: Uuid,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Fetched, Error> {
    let mut fetched = Fetched::default();
    let mut begin = from;
    while begin < to {
        let end = begin.checked_add_days(PAGE).unwrap_or(to).min(to);
        let page = db.calendar(workspace, begin, end).await?;
        begin = fetched.take(page, end, CALENDAR_ROWS);
    }
    Ok(fetched)
}

impl Fetched {
    /// Takes a page in; where the next one begins.
    fn take(&mut self, mut page: Vec<Entry>, end: DateTime<Utc>, most: usize) -> DateTime<Utc> {
        page.sort_by_key(|entry| (entry.due_at, entry.post_id));
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return end };
        let (first, last) = (first.due_at, last.due_at);
        if page.len() < most {
            self.entries.append(&mut page);
            end
        } else if first < last {
            // the last moment may have more of them: once more from there on
            self.entries.extend(page.into_iter().filter(|entry| entry.due_at < last));
            last
        } else {
            self.entries.append(&mut page);
            self.crowded.push(last);
            last + chrono::Duration::microseconds(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of at most three of these times, in seconds, until there are no more.
    fn fetch(times: &[i64]) -> (Vec<i64>, Vec<i64>) {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        let entry = |seconds: i64| Entry {
            due_at: at(seconds),
            post_id: None,
            state: String::new(),
            content: String::new(),
            accounts: vec![],
            media: 0,
        };
        let (mut fetched, mut begin, end) = (Fetched::default(), at(0), at(100));
        while begin < end {
            let page = times.iter().copied().map(entry).filter(|entry| entry.due_at >= begin).take(3);
            begin = fetched.take(page.collect(), end, 3);
        }
        let seconds = |at: &DateTime<Utc>| at.timestamp();
        (
            fetched.entries.iter().map(|entry| entry.due_at.timestamp()).collect(),
            fetched.crowded.iter().map(seconds).collect(),
        )
    }

    #[test]
    fn every_post_is_there_once() {
        for times in [&[][..], &[1], &[1, 2, 3], &[1, 2, 2, 3, 4], &[1, 1, 2, 2, 3, 3, 4, 4, 5]] {
            assert_eq!(fetch(times), (times.to_vec(), vec![]));
        }
        // four at one moment, of which three are shown
        assert_eq!(fetch(&[1, 2, 2, 2, 2, 3]), (vec![1, 2, 2, 2, 3], vec![2]));
    }
}

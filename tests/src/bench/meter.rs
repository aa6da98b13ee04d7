//! What the server uses: processor time of all its processes, and WAL.

use std::fs;
use std::path::Path;

use crate::cluster::Database;
use crate::session::Session;

const WAL: &str = "SELECT (pg_current_wal_lsn() - '0/0')::bigint";

/// How often processes may end while they are read.
const TRIES: usize = 100;

/// Reads what one server has used so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    postmaster: u32,
}

/// A reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    cpu_seconds: f64,
    wal_bytes: i64,
}

/// What was used between two readings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub(super) cpu_seconds: f64,
    pub(super) wal_bytes: i64,
}

impl Meter {
    pub(super) fn new(database: &Database) -> Self {
        let path = database.server().data_dir().join("postmaster.pid");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
        Self { postmaster: pid.unwrap_or_else(|| panic!("no process in {}", path.display())) }
    }

    pub(super) async fn read(&self, sql: &Session) -> Reading {
        let wal_bytes = sql.value(WAL, &[]).await;
        Reading { cpu_seconds: self.cpu_seconds(), wal_bytes }
    }

    pub(super) async fn since(&self, before: Reading, sql: &Session) -> Used {
        let now = self.read(sql).await;
        Used {
            cpu_seconds: now.cpu_seconds - before.cpu_seconds,
            wal_bytes: now.wal_bytes - before.wal_bytes,
        }
    }

    /// Of the postmaster, of its children that ended, and of those that run.
    pub(super) fn cpu_seconds(&self) -> f64 {
        let own = || {
            let process = stat(&self.postmaster.to_string());
            process.unwrap_or_else(|| panic!("the server (process {}) is gone", self.postmaster))
        };
        let mut before = own();
        for _ in 0..TRIES {
            let children = self.children_ticks();
            let after = own();
            if before.ended_ticks == after.ended_ticks {
                let ticks = after.own_ticks + after.ended_ticks + children;
                return ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
            }
            // one ended while they were read: it would count twice or not at all
            before = after;
        }
        panic!("processes of the server (process {}) end all the time", self.postmaster)
    }

    fn children_ticks(&self) -> u64 {
        let running = fs::read_dir("/proc").unwrap_or_else(|error| panic!("/proc: {error}")).flatten();
        running
            .filter_map(|entry| stat(entry.file_name().to_str()?))
            .filter(|process| process.parent == self.postmaster)
            .map(|process| process.own_ticks)
            .sum()
    }
}

struct Process {
    parent: u32,
    own_ticks: u64,
    ended_ticks: u64,
}

/// None where it is not a process, or no longer one.
fn stat(pid: &str) -> Option<Process> {
    if !pid.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    parse(&fs::read_to_string(Path::new("/proc").join(pid).join("stat")).ok()?)
}

/// See proc(5): the name may hold blanks and brackets, so fields are counted from its end.
fn parse(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process {
        parent: u32::try_from(number(1)?).ok()?,
        own_ticks: number(11)? + number(12)?,
        ended_ticks: number(13)? + number(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let line = "12 (postgres: a) b) S 7 12 12 0 -1 4194304 1 2 3 4 100 20 3000 400 20 0 1 0 5 6 7";
        let process = parse(line).expect("a line of /proc");
        assert_eq!((process.parent, process.own_ticks, process.ended_ticks), (7, 120, 3_400));
        assert!(stat("self").is_none());
    }
}

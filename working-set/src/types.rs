//! What goes in and out.

/// The index of a job in memory, good until the job is freed.
pub type Ix = u32;

/// No time.
pub const NEVER: i64 = i64::MAX;

/// What state a job is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Waits for its time or for its turn.
    #[default]
    Waiting,
    /// In a worker's hands.
    Leased,
    /// Ended: freed once it is released.
    Gone,
}

/// A job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Node {
    /// Its id.
    pub id: u128,
    /// When it falls due.
    pub run_at: i64,
    /// When it is no longer worth running.
    pub expires_at: i64,
    /// The token of its last claim.
    pub token: i64,
    /// When its lease ends.
    pub lease_until: i64,
    /// When it was claimed last.
    pub claimed_at: i64,
    /// Higher goes first.
    pub priority: i32,
    /// Who has locked it; 0: nobody.
    pub locker: u32,
    pub(crate) lane: u32,
    /// Attempts used up, this one included.
    pub attempt: u16,
    /// Attempts it has.
    pub max_attempts: u16,
    /// Leases lost in a row.
    pub lost_leases: u16,
    /// What state it is in.
    pub state: State,
    /// Free for the caller.
    pub flags: u8,
}

/// A lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Tells it from any other lease of the same job.
    pub token: i64,
    /// When it ends.
    pub until: i64,
}

/// A job that is to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// Its id; not 0.
    pub id: u128,
    /// The tenant; 0: none.
    pub workspace: u128,
    /// The account it acts for; 0: none.
    pub account: u128,
    /// Who wanted it; 0: nobody.
    pub user: u128,
    /// What is to be done; at most 400 bytes.
    pub kind: &'a str,
    /// The platform of the account; at most 64 bytes, empty: none.
    pub platform: &'a str,
    /// Higher goes first.
    pub priority: i32,
    /// When it falls due.
    pub run_at: i64,
    /// When it is no longer worth running.
    pub expires_at: i64,
    /// Attempts used up.
    pub attempt: u16,
    /// Attempts it has.
    pub max_attempts: u16,
    /// Leases lost in a row.
    pub lost_leases: u16,
    /// Free for the caller.
    pub flags: u8,
    /// Who has it already.
    pub lease: Option<Lease>,
}

/// Why a job was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The job is in memory already.
    Present,
    /// The job has ended, and is findable only because somebody reads the log.
    Ended,
    /// There is no room for one more job, owner or kind.
    Room,
    /// Kind or platform are too long.
    Name,
}

/// Which jobs a worker takes. `None`: all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Only these kinds.
    pub kinds: Option<&'a [&'a str]>,
    /// Only jobs of accounts on these platforms.
    pub platforms: Option<&'a [&'a str]>,
    /// Only jobs of these workspaces.
    pub workspaces: Option<&'a [u128]>,
}

/// A job that [`crate::Set::claim`] has locked.
#[derive(Clone, Copy, Debug)]
pub struct Picked {
    /// Its index.
    pub ix: Ix,
    /// What it was before.
    pub before: Node,
    /// Too late to be handed out: it was locked and left as it is.
    pub expired: bool,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counts {
    /// Wait for their time.
    pub waiting: u32,
    /// Wait for their turn.
    pub due: u32,
    /// In workers' hands.
    pub leased: u32,
    /// Touched by transactions that have not ended.
    pub locked: u32,
}

/// What a pause stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Everything.
    All,
    /// A kind of jobs.
    Kind(&'a str),
    /// The accounts of a platform.
    Platform(&'a str),
    /// An account.
    Account(u128),
    /// A workspace.
    Workspace(u128),
}

/// How many may read the log of a database at once.
pub(crate) const MAX_LOADS: usize = 32;

/// One database. Its public fields are the caller's.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Db {
    /// From this id on the caller's log has unfinished jobs that are not in memory; `u128::MAX`: none.
    pub cursor: u128,
    /// Jobs that fall due later are not in memory.
    pub far: i64,
    /// Who is reading jobs from the log; 0: nobody.
    pub loader: u32,
    /// Which configuration holds.
    pub config: u32,
    /// Whether everything has been read from the log once.
    pub warm: bool,
    /// Whether somebody who went away wants to be called.
    pub armed: bool,
    pub(crate) paused: bool,
    pub(crate) oid: u32,
    /// The numbers of the reads that are under way; 0: none.
    pub(crate) loads: [u64; MAX_LOADS],
    /// The number of the read that began last.
    pub(crate) load_no: u64,
    /// Jobs that ended meanwhile, in that order.
    pub(crate) first_tomb: u32,
    pub(crate) last_tomb: u32,
    pub(crate) classes: u32,
    pub(crate) leases: u32,
    /// The turn of the owner that was served last.
    pub(crate) turn: u64,
}

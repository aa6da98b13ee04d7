//! What goes in and out.

/// The index of a job in memory, good until the job is freed.
pub type Ix = u32;

/// No time.
pub const NEVER: i64 = i64::MAX;

/// The flag of jobs that are counted apart while they wait ([`Counts::marked`]).
pub const MARKED: u8 = 0x80;

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
    /// Free for the caller, but for [`MARKED`].
    pub flags: u8,
    /// When it took from the limits of its action, if it still counts there; 0: it does not. A claim sets it; who knows
    /// that nothing was done sets it to 0, and the limits have it back; [`USED_UP`]: they keep it, whatever comes.
    pub used_at: i64,
    /// What it took then from the budgets of its account and its platform: what it costs at most. Goes back with what it took
    /// from the limits, or where who knows what it did cost sets it to 0.
    pub cost: u32,
}

/// What a job took from its limits, and will not give back. What it took from budgets goes back all the same.
pub const USED_UP: i64 = -1;

/// The action under which the limits of a platform and of its accounts are budgets: they count money, whatever it goes for.
pub const SPEND: &str = "spend";

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
    /// The server of the account, where the platform has many; at most 253 bytes, empty: the usual one.
    pub host: &'a str,
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
    /// It took from the limits of its action; what it had taken before went back.
    pub limited: bool,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counts {
    /// Wait for their time.
    pub waiting: u32,
    /// Wait for their turn.
    pub due: u32,
    /// Those of both that are [`MARKED`].
    pub marked: u32,
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
    /// How often the configuration was changed; the first time before anybody came.
    pub config_wanted: u64,
    /// The configuration that is in memory.
    pub config_applied: u64,
    /// Who reads it; 0: nobody.
    pub config_reader: u32,
    /// Whether what was used of limits before the server started is counted.
    pub usage: bool,
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
    /// The heap of gates that open at a time and have lanes waiting.
    pub(crate) reopening: u32,
    /// Lists of rules, one more than the index of the first.
    pub(crate) kind_rules: u32,
    pub(crate) platform_rules: u32,
    pub(crate) limit_rules: u32,
    pub(crate) price_rules: u32,
}

/// How jobs of a kind are treated; 0 stands for nothing set. Times are microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct KindPolicy {
    /// Free for the caller: attempts.
    pub max_attempts: u32,
    /// Free for the caller: the wait before the first retry.
    pub first_delay: i64,
    /// Free for the caller: the longest wait before a retry.
    pub max_delay: i64,
    /// Free for the caller: whether waits are random.
    pub jitter: bool,
    /// Free for the caller: unfinished jobs a user may have.
    pub user_limit: u32,
    /// Jobs of the kind that one account or user has in workers' hands, at most.
    pub owner_concurrency: u32,
}

/// What holds for a kind of jobs.
#[derive(Clone, Copy, Debug)]
pub struct KindRule<'a> {
    /// The kind.
    pub kind: &'a str,
    /// What its jobs do on a platform; empty: nothing that is limited.
    pub action: &'a str,
    /// How they are treated.
    pub policy: KindPolicy,
}

/// When a circuit breaker opens. All zeroes: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct BreakerRule {
    /// After so many failures without a success,
    pub failures: u32,
    /// of which the first is no longer ago than this.
    pub window: i64,
    /// How long it is open the first time; twice as long each further time.
    pub pause: i64,
    /// The longest it is open.
    pub max_pause: i64,
}

/// What holds for a platform. 0 stands for no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlatformRule<'a> {
    /// The platform.
    pub platform: &'a str,
    /// Jobs at once for one account.
    pub account_concurrency: u32,
    /// Jobs at once for all accounts of one server.
    pub concurrency: u32,
    /// From the claim of one job of an account to that of the next.
    pub account_gap: i64,
    /// From the claim of one job of a server to that of the next.
    pub gap: i64,
    /// When an account, or a server, is left alone.
    pub breaker: BreakerRule,
}

/// How many of an action a platform admits in a window.
#[derive(Clone, Copy, Debug)]
pub struct LimitRule<'a> {
    /// The platform.
    pub platform: &'a str,
    /// The action.
    pub action: &'a str,
    /// All accounts of the platform together, not each.
    pub shared: bool,
    /// The length of the window.
    pub length: i64,
    /// How many.
    pub max: u32,
}

/// What a job that does an action takes from the budgets of its platform, at most.
#[derive(Clone, Copy, Debug)]
pub struct PriceRule<'a> {
    /// The platform.
    pub platform: &'a str,
    /// The action.
    pub action: &'a str,
    /// How much; more than a part of a window holds, 65,535, is that.
    pub price: u32,
}

/// What one account is limited to, in the place of the rule for its platform with a window of that length.
#[derive(Clone, Copy, Debug)]
pub struct OwnLimit<'a> {
    /// The account.
    pub account: u128,
    /// Its platform.
    pub platform: &'a str,
    /// The action.
    pub action: &'a str,
    /// What it is limited to.
    pub limit: Own,
}

/// A limit of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// The length of the window.
    pub length: i64,
    /// How many.
    pub max: u32,
    /// It can't be looser than the platform's.
    pub bound: bool,
}

/// The rules of a database.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules<'a> {
    /// For kinds of jobs.
    pub kinds: &'a [KindRule<'a>],
    /// For platforms.
    pub platforms: &'a [PlatformRule<'a>],
    /// Limits of actions.
    pub limits: &'a [LimitRule<'a>],
    /// Limits of single accounts.
    pub own: &'a [OwnLimit<'a>],
    /// What actions cost.
    pub prices: &'a [PriceRule<'a>],
}

/// What has limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gated<'a> {
    /// An account, whatever it does: concurrency, pauses between jobs, blocks, a breaker.
    Account(u128, &'a str),
    /// An action of an account on its platform: windows, blocks.
    Action(u128, &'a str, &'a str),
    /// A server of a platform, empty: the usual one: concurrency, pauses between jobs, blocks, a breaker.
    Site(&'a str, &'a str),
    /// An action of all accounts of a platform together: windows, blocks.
    Shared(&'a str, &'a str),
    /// Anything that the caller counts under a number of its own: one window.
    Other(u128),
}

/// A window of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its length.
    pub length: i64,
    /// How many it admits.
    pub max: u32,
    /// How many count now.
    pub used: u32,
    /// When it admits another one: now or later.
    pub free_at: i64,
    /// Whether it is a limit of the account's own.
    pub own: bool,
}

/// A gate as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateStatus {
    /// Jobs in workers' hands.
    pub running: u32,
    /// How many there may be; 0: any number.
    pub max_running: u32,
    /// Nothing goes through before.
    pub blocked_until: i64,
    /// Its breaker is open until then; in the past: one job may try. 0: it is closed.
    pub open_until: i64,
    /// How often in a row it opened.
    pub trips: u32,
    /// Its windows.
    pub windows: Vec<Usage>,
}

/// A breaker that is not closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tripped {
    /// The account; 0: the breaker of a server.
    pub account: u128,
    /// The platform.
    pub platform: String,
    /// The server; empty: the usual one.
    pub host: String,
    /// Open until then; in the past: one job may try.
    pub open_until: i64,
    /// How often in a row it opened.
    pub trips: u32,
}

//! A schedule as it stands in its table.

use crier_core::recurrence::Wall;
use crier_core::rights::Role;
use pgrx::Uuid;
use pgrx::datum::Interval;
use serde_json::{Value, json};

use super::template;
use super::when::When;
use crate::activity::{self, Object};
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamp, Timestamptz};
use crate::plans::{Row, Statement, statement};
use crate::posts::{self, Definition};
use crate::workspaces::new_id;

const WORKSPACE_OF: Statement = statement!(up "schedules/workspace_of");
const LOCK: Statement = statement!(up "schedules/lock");
const ADD_EVENT: Statement = statement!(up "schedules/add_event");

const MAX_NAME: usize = 200;
/// The longest rest.
const MAX_REST: i64 = 366 * 24 * 60 * 60 * 1_000_000;

/// What a schedule makes its posts of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One post.
    Single,
    /// The same post again and again.
    Recurring,
    /// Posts of a queue, which begins anew when it is through.
    Evergreen,
}

impl Kind {
    pub(super) const ALL: [&str; 3] = ["single", "recurring", "evergreen"];

    pub(super) fn parse(kind: &str) -> Option<Self> {
        Some(match kind {
            "single" => Self::Single,
            "recurring" => Self::Recurring,
            "evergreen" => Self::Evergreen,
            _ => return None,
        })
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Single => Self::ALL[0],
            Self::Recurring => Self::ALL[1],
            Self::Evergreen => Self::ALL[2],
        }
    }
}

/// What becomes of occurrences that nobody made in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// All are made.
    CatchUp,
    /// None is.
    Skip,
    /// Only the last one is.
    Latest,
}

impl Missed {
    pub(super) fn parse(missed: &str) -> Result<Self> {
        Ok(match missed {
            "catch_up" => Self::CatchUp,
            "skip" => Self::Skip,
            "latest" => Self::Latest,
            _ => {
                let shown: String = missed.chars().take(80).collect();
                return Err(CrierError::invalid(
                    "missed",
                    format!("is {shown:?}"),
                    "Use catch_up, skip or latest.",
                ));
            }
        })
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::CatchUp => "catch_up",
            Self::Skip => "skip",
            Self::Latest => "latest",
        }
    }
}

/// What somebody decides about a schedule.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) name: Option<String>,
    pub(super) template: Jsonb,
    pub(super) when: When,
    pub(super) missed: Missed,
    pub(super) priority: i32,
    pub(super) item_rest: Option<Interval>,
    pub(super) account_rest: Option<Interval>,
}

/// A schedule, locked unless it is only read.
pub(super) struct Schedule {
    pub(super) workspace: Uuid,
    pub(super) id: Uuid,
    pub(super) author: Option<Uuid>,
    pub(super) kind: Kind,
    pub(super) state: String,
    pub(super) settings: Settings,
    pub(super) next_at: Option<Timestamptz>,
    /// What became of occurrences is decided up to here,
    pub(super) cursor_at: Timestamptz,
    /// and up to this wall time: where the rules of a zone change, an occurrence moves and stays the same.
    pub(super) cursor_wall: Option<Wall>,
    pub(super) empty_since: Option<Timestamptz>,
}

/// The workspace of a schedule, for a caller who has at least this role there.
pub(crate) fn find(id: Uuid, least: Role) -> Result<(Caller, Uuid)> {
    Caller::find("schedule", id, WORKSPACE_OF, least)
}

impl Schedule {
    /// Locks a schedule, for a caller who has at least this role in its workspace.
    pub(super) fn open(id: Uuid, least: Role) -> Result<(Caller, Self)> {
        let (caller, workspace) = find(id, least)?;
        let found = LOCK.write(&[workspace.into(), id.into()], Self::read)?;
        let schedule = found.into_iter().next().ok_or(CrierError::NotFound { what: "schedule", id })?;
        Ok((caller, schedule))
    }

    /// The columns of `schedules/take.sql`.
    pub(super) fn read(row: &Row<'_>) -> Result<Self> {
        let unknown = |what: &str| CrierError::Internal(format!("{what:?} is no kind of schedule"));
        let kind: String = row.need(5)?;
        let wall = |at: Option<Timestamp>| at.map(Timestamp::wall).transpose();
        Ok(Self {
            workspace: row.need(1)?,
            id: row.need(2)?,
            author: row.get(3)?,
            kind: Kind::parse(&kind).ok_or_else(|| unknown(&kind))?,
            state: row.need(6)?,
            settings: Settings {
                name: row.get(4)?,
                template: row.need(7)?,
                when: When {
                    rule: row.get(8)?,
                    starts: row.need::<Timestamp>(9)?.wall()?,
                    zone: row.need(10)?,
                    ends: wall(row.get(11)?)?,
                    exceptions: row.need(12)?,
                    additions: row.need(13)?,
                },
                missed: Missed::parse(&row.need::<String>(14)?)?,
                priority: row.need(15)?,
                item_rest: row.get(16)?,
                account_rest: row.get(17)?,
            },
            next_at: row.get(18)?,
            cursor_at: row.need(19)?,
            cursor_wall: wall(row.get(20)?)?,
            empty_since: row.get(21)?,
        })
    }

    pub(super) fn is_active(&self) -> bool {
        self.state == "active"
    }

    /// Refuses one that has ended.
    pub(super) fn require_open(&self) -> Result<()> {
        if self.state != "ended" {
            return Ok(());
        }
        Err(CrierError::invalid(format!("schedule {}", self.id), "has ended", "Create another one."))
    }

    /// Notes what happened to the schedule.
    pub(super) fn tell(&self, kind: &str, mut what: Value, now: Timestamptz) -> Result<()> {
        if let Some(fields) = what.as_object_mut() {
            fields.insert("schedule_id".to_owned(), self.id.to_string().into());
            if let Some(name) = &self.settings.name {
                fields.insert("name".to_owned(), name.as_str().into());
            }
        }
        ADD_EVENT.run_only(&[
            self.workspace.into(),
            new_id().into(),
            kind.into(),
            Jsonb::from_value(&what).into(),
            now.into(),
        ])
    }

    /// Notes what somebody did with the schedule.
    pub(super) fn tell_of(
        &self,
        caller: Caller,
        kind: &'static str,
        changes: Value,
        now: Timestamptz,
    ) -> Result<()> {
        let user = caller.acts_as(None)?.map(|user| user.to_string());
        self.tell(kind, user.map_or(json!({}), |user| json!({ "user_id": user })), now)?;
        self.note(kind, changes)
    }

    /// Notes it in the activity log of its workspace.
    pub(super) fn note(&self, action: &'static str, changes: Value) -> Result<()> {
        activity::note(self.workspace, action, Object::Schedule(self.id), changes)
    }
}

impl Settings {
    /// Refuses what can't be stored, and what no post could be made of. Items of an evergreen schedule are looked at when they are
    /// added.
    pub(super) fn check(&self, workspace: Uuid, kind: Kind) -> Result<()> {
        if let Some(name) = self.name.as_deref() {
            input::text(Some(name), "name", MAX_NAME)?;
        }
        if !(-100..=100).contains(&self.priority) {
            let problem = format!("is {}", self.priority);
            const HINT: &str = "Give a number from -100 to 100; higher comes first.";
            return Err(CrierError::invalid("priority", problem, HINT));
        }
        match (kind, self.when.rule.is_some()) {
            (Kind::Single, true) => {
                let problem = "is given, but a single schedule has none";
                return Err(CrierError::invalid(
                    "rule",
                    problem,
                    "Leave it out, or make a recurring schedule.",
                ));
            }
            (Kind::Recurring | Kind::Evergreen, false) => return Err(CrierError::Null("rule")),
            _ => {}
        }
        for (name, rest) in [("item_rest", &self.item_rest), ("account_rest", &self.account_rest)] {
            let Some(rest) = rest else { continue };
            if kind != Kind::Evergreen {
                let problem = "is given, but only an evergreen schedule has items that rest";
                return Err(CrierError::invalid(name, problem, "Leave it out."));
            }
            if !clock::micros(rest).is_some_and(|micros| (1..=MAX_REST).contains(&micros)) {
                let problem = "must be more than nothing and at most 366 days";
                return Err(CrierError::invalid(name, problem, "Give a time such as '7 days'."));
            }
        }
        let fields = template::object(self.template, "template")?;
        let post = template::definition(&fields, None, self.priority)?;
        if kind == Kind::Evergreen {
            posts::check_accounts(workspace, &post)
        } else {
            posts::check(workspace, &post)
        }
    }

    /// The post of an occurrence.
    pub(super) fn post(&self, item: Option<Jsonb>) -> Result<Definition> {
        let item = item.map(|item| template::object(item, "items")).transpose()?;
        template::definition(&template::object(self.template, "template")?, item.as_ref(), self.priority)
    }
}

//! What each member of a workspace may do: one table, which the SQL functions ask and the tests walk.

use std::fmt;
use std::str::FromStr;

/// The role of a member of a workspace. A higher one may do what a lower one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Posts, and adds work.
    Editor,
    /// Decides about accounts, their limits, alerts, and the members below.
    Admin,
    /// Decides about everything, the workspace itself included.
    Owner,
}

/// What a function asks of an application user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: what it gives is nobody's, or the caller's own.
    Nothing,
    /// This role, or a higher one, in the workspace of what it is called for; others are refused.
    Role(Role),
    /// The same for each row on its own: what belongs to other workspaces is left out as if it were not there.
    EachRow(Role),
}

use Needs::{EachRow, Nothing};
use Role::{Admin, Editor, Owner, Viewer};

/// Every function that an application user may call (that is granted to `crier_app`), and those that only workers call, for one.
pub const FUNCTIONS: &[(&str, Needs)] = &[
    ("version", Nothing),
    ("status", Nothing),
    ("new_id", Nothing),
    ("post_state", Nothing),
    ("my_workspaces", Nothing),
    ("my_workspace_ids", Nothing),
    ("my_workspace_ids_as", Nothing),
    ("is_workspace_member_fast", Nothing),
    ("has_workspace_role", Nothing),
    ("create_workspace", Nothing),
    ("my_invitations", Nothing),
    ("accept_invitation", Nothing),
    ("decline_invitation", Nothing),
    ("begin_idempotent", Nothing),
    ("end_idempotent", Nothing),
    // reading
    ("get_post", EachRow(Viewer)),
    ("get_action", EachRow(Viewer)),
    ("get_workspace_stats", Needs::Role(Viewer)),
    ("analytics", Needs::Role(Viewer)),
    ("publish_rates", Needs::Role(Viewer)),
    ("get_user_stats", Needs::Role(Viewer)),
    ("cache_get", Needs::Role(Viewer)),
    ("list_members", Needs::Role(Viewer)),
    ("calendar", Needs::Role(Viewer)),
    ("leave_workspace", Needs::Role(Viewer)),
    ("list_jobs", EachRow(Viewer)),
    ("search_jobs", EachRow(Viewer)),
    ("list_posts", EachRow(Viewer)),
    ("get_posts", EachRow(Viewer)),
    ("post_timeline", EachRow(Viewer)),
    ("get_slots", EachRow(Viewer)),
    ("next_slot", EachRow(Viewer)),
    ("list_events", EachRow(Viewer)),
    ("list_logs", EachRow(Viewer)),
    ("list_webhooks", EachRow(Viewer)),
    ("get_schedule", EachRow(Viewer)),
    ("list_schedules", EachRow(Viewer)),
    ("list_schedule_items", Needs::Role(Viewer)),
    ("preview_schedule", EachRow(Viewer)),
    ("list_by_time", EachRow(Viewer)),
    ("get_user_jobs", EachRow(Viewer)),
    ("get_cached_job_result", EachRow(Viewer)),
    ("get_paginated_data", EachRow(Viewer)),
    ("table_page", EachRow(Viewer)),
    ("dead_jobs", EachRow(Viewer)),
    ("job_lease", EachRow(Viewer)),
    ("job_worker", EachRow(Viewer)),
    ("check_rate_limit", EachRow(Viewer)),
    ("rate_limit_status", EachRow(Viewer)),
    ("token_status", EachRow(Viewer)),
    // posting
    ("create_post", Needs::Role(Editor)),
    ("validate_post", Needs::Role(Editor)),
    ("cancel_post", Needs::Role(Editor)),
    ("update_post", Needs::Role(Editor)),
    ("reschedule_post", Needs::Role(Editor)),
    ("retry_post", Needs::Role(Editor)),
    ("delete_post", Needs::Role(Editor)),
    ("duplicate_post", Needs::Role(Editor)),
    ("submit_post", Needs::Role(Editor)),
    ("create_schedule", Needs::Role(Editor)),
    ("update_schedule", Needs::Role(Editor)),
    ("pause_schedule", Needs::Role(Editor)),
    ("resume_schedule", Needs::Role(Editor)),
    ("end_schedule", Needs::Role(Editor)),
    ("add_schedule_items", Needs::Role(Editor)),
    ("remove_schedule_item", Needs::Role(Editor)),
    ("set_slots", Needs::Role(Editor)),
    ("resolve_target", Needs::Role(Editor)),
    ("act", Needs::Role(Editor)),
    ("delete_published", Needs::Role(Editor)),
    ("read_metrics", Needs::Role(Editor)),
    ("resolve_action", Needs::Role(Editor)),
    ("enqueue", Needs::Role(Editor)),
    ("enqueue_many", Needs::Role(Editor)),
    ("find_or_create_job", Needs::Role(Editor)),
    ("record_action", Needs::Role(Editor)),
    ("record_analytics", Needs::Role(Editor)),
    ("cache_set", Needs::Role(Editor)),
    ("cache_begin", Needs::Role(Editor)),
    ("cancel_jobs", EachRow(Editor)),
    ("retry_jobs", EachRow(Editor)),
    ("purge_jobs", EachRow(Editor)),
    // deciding about accounts, limits, alerts and the members below
    ("connect_account", Needs::Role(Admin)),
    ("approve_post", Needs::Role(Admin)),
    ("reject_post", Needs::Role(Admin)),
    ("set_rate_limit", Needs::Role(Admin)),
    ("pause_account", Needs::Role(Admin)),
    ("resume_account", Needs::Role(Admin)),
    ("delete_account", Needs::Role(Admin)),
    ("block_account", Needs::Role(Admin)),
    ("unblock_account", Needs::Role(Admin)),
    ("begin_connect", Needs::Role(Admin)),
    ("confirm_connect", Needs::Role(Admin)),
    ("replay_webhook", Needs::Role(Admin)),
    ("replay_webhooks", Needs::Role(Admin)),
    ("get_activity_log", Needs::Role(Admin)),
    ("set_metrics_reading", Needs::Role(Admin)),
    ("add_alert_endpoint", Needs::Role(Admin)),
    ("list_alert_endpoints", Needs::Role(Admin)),
    ("enable_alert_endpoint", Needs::Role(Admin)),
    ("remove_alert_endpoint", Needs::Role(Admin)),
    ("invite_member", Needs::Role(Admin)),
    ("list_invitations", Needs::Role(Admin)),
    ("withdraw_invitation", Needs::Role(Admin)),
    ("set_member_role", Needs::Role(Admin)),
    ("remove_member", Needs::Role(Admin)),
    ("create_api_key", Needs::Role(Admin)),
    ("list_api_keys", Needs::Role(Admin)),
    ("revoke_api_key", Needs::Role(Admin)),
    // deciding about the workspace
    ("set_approval", Needs::Role(Owner)),
    ("rename_workspace", Needs::Role(Owner)),
    ("transfer_ownership", Needs::Role(Owner)),
    ("delete_workspace", Needs::Role(Owner)),
];

/// Those that only workers call: they need what crierd alone has. What they ask for holds where an operator grants them to others.
pub const FOR_WORKERS: &[&str] = &["connect_account", "add_alert_endpoint"];

/// The least role with which a function may be called.
///
/// # Panics
/// When it is not in the table, or asks for none. Called for constants, so that it doesn't build then.
pub const fn least(function: &str) -> Role {
    let mut at = 0;
    while at < FUNCTIONS.len() {
        if same(FUNCTIONS[at].0, function) {
            return match FUNCTIONS[at].1 {
                Needs::Role(role) | EachRow(role) => role,
                Nothing => panic!("the function asks for no role"),
            };
        }
        at += 1;
    }
    panic!("the function is not in the table of rights")
}

/// `==` of strings, which is no constant function.
const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Viewer, Editor, Admin, Owner];

    /// As it stands in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Viewer => "viewer",
            Editor => "editor",
            Admin => "admin",
            Owner => "owner",
        }
    }

    /// The roles that may do what this one may.
    pub fn and_above(self) -> Vec<&'static str> {
        Self::ALL.iter().filter(|role| **role >= self).map(|role| role.as_str()).collect()
    }

    /// Whether a member with this role decides about one with another: gives it, takes it away, removes the member.
    pub fn decides_about(self, other: Self) -> bool {
        match self {
            Owner => true,
            Admin => other < Admin,
            Editor | Viewer => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no role.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no role {0:?}")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| UnknownRole(text.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_stands_in_the_table_once() {
        for (at, (name, _)) in FUNCTIONS.iter().enumerate() {
            assert!(FUNCTIONS[at + 1..].iter().all(|(other, _)| other != name), "{name} stands there twice");
        }
        assert_eq!(least("create_post"), Editor);
        assert_eq!(least("get_post"), Viewer);
    }

    #[test]
    #[should_panic(expected = "not in the table")]
    fn a_function_that_is_not_there_has_no_least_role() {
        least("create_pos");
    }

    #[test]
    fn roles_are_written_and_read_alike() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("Owner".parse::<Role>(), Err(UnknownRole("Owner".into())));
        assert_eq!(Admin.and_above(), ["admin", "owner"]);
    }

    #[test]
    fn who_decides_about_whom() {
        let decides = |role: Role| Role::ALL.map(|other| role.decides_about(other));
        assert_eq!(decides(Viewer), [false; 4]);
        assert_eq!(decides(Editor), [false; 4]);
        assert_eq!(decides(Admin), [true, true, false, false]);
        assert_eq!(decides(Owner), [true; 4]);
    }
}

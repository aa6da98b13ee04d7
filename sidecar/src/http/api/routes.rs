//! Every route. One module for each kind of thing; each route names the function that it calls.

mod accounts;
mod analytics;
mod api_keys;
mod hooks;
mod jobs;
mod posts;
mod schedules;
mod workspaces;

use super::route::Route;

/// Groups of routes with their names, in the order of the document.
pub(super) const GROUPS: [(&str, &[Route]); 8] = [
    ("posts", posts::ROUTES),
    ("schedules", schedules::ROUTES),
    ("accounts", accounts::ROUTES),
    ("jobs", jobs::ROUTES),
    ("workspaces", workspaces::ROUTES),
    ("API keys", api_keys::ROUTES),
    ("analytics", analytics::ROUTES),
    ("webhooks and alerts", hooks::ROUTES),
];

/// All routes.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    GROUPS.iter().flat_map(|(_, routes)| routes.iter())
}

/// A route: `route!(Method "/path" "What it does.", function!(…) => Answer)`, with arguments that it gives itself at the end. `analysis`
/// before it: it counts as one; `secret`: its answer holds one, and is not kept.
macro_rules! route {
    (analysis $($route:tt)*) => { $crate::http::api::routes::route!(@[Analysis, false] $($route)*) };
    (secret $($route:tt)*) => { $crate::http::api::routes::route!(@[General, true] $($route)*) };
    (@[$counts_as:ident, $secret:literal] $method:ident $path:literal $summary:literal, $function:expr => $answer:expr $(, $fixed:literal = $value:literal)*) => {
        $crate::http::api::route::Route {
            method: $crate::http::api::route::Method::$method,
            path: $path,
            summary: $summary,
            function: $function,
            fixed: &[$(($fixed, $value)),*],
            answer: $answer,
            is_secret: $secret,
            counts_as: $crate::http::api::route::Endpoint::$counts_as,
        }
    };
    ($($route:tt)*) => { $crate::http::api::routes::route!(@[General, false] $($route)*) };
}
use route;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_route_is_there_once_and_all_of_its_path_is_an_argument() {
        let mut seen = BTreeSet::new();
        for route in all() {
            assert!(
                seen.insert((route.path, format!("{:?}", route.method))),
                "{} is there twice",
                route.path
            );
            assert!(route.path.starts_with("/v1/"), "{}", route.path);
            assert!(route.summary.ends_with('.'), "{}", route.summary);
            for part in route.path.split('/').filter_map(|part| part.strip_prefix('{')) {
                let name = part.trim_end_matches('}');
                let argument = route.arguments().find(|argument| argument.name() == name);
                assert!(argument.is_some_and(|argument| argument.required), "{name} of {}", route.path);
            }
            for (name, value) in route.fixed {
                assert!(route.function.arguments.iter().any(|argument| argument.sql_name == *name), "{name}");
                assert!(serde_json::from_str::<serde_json::Value>(value).is_ok(), "{value}");
            }
        }
    }

    /// What users may call and has no route, and why.
    const WITHOUT: &[(&str, &str)] = &[
        ("begin_idempotent", "the header Idempotency-Key"),
        ("end_idempotent", "the header Idempotency-Key"),
        ("version", "of the library; /v1/status has it"),
        ("new_id", "nobody who calls the API gives ids"),
        ("post_state", "of the views: an answer has the state"),
        ("my_workspace_ids", "for policies of an application's own tables; /v1/workspaces has them"),
        ("my_workspace_ids_as", "the same"),
        ("is_workspace_member_fast", "the same"),
        ("has_workspace_role", "the same"),
        ("list_by_time", "for people at psql: lists by time have since and until"),
        ("table_page", "what get_paginated_data is made of"),
        ("job_lease", "what crier.jobs is made of"),
        ("job_worker", "the same"),
        ("cache_get", "of an application's server, beside what it caches"),
        ("cache_set", "the same"),
        ("cache_begin", "the same"),
        ("connect_account", "a worker's: its crierd has the tokens; see /v1/accounts/connect"),
        ("add_alert_endpoint", "a worker's: its crierd seals the secret; see crierd alert add"),
    ];

    #[test]
    fn every_function_of_users_has_a_route_or_a_reason() {
        let routed: BTreeSet<_> = all().map(|route| route.function.name).collect();
        let without: BTreeSet<_> = WITHOUT.iter().map(|(name, _)| *name).collect();
        let known: BTreeSet<_> = crier_core::rights::FUNCTIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(without.len(), WITHOUT.len(), "one stands there twice");
        assert_eq!(routed.intersection(&without).count(), 0, "one has both");
        assert_eq!(known, routed.union(&without).copied().collect());
    }

    #[test]
    fn what_sums_up_a_lot_counts_as_analysis() {
        use crate::http::api::route::Endpoint;
        let analysis = all().filter(|route| route.counts_as == Endpoint::Analysis);
        let names: BTreeSet<_> = analysis.map(|route| route.function.name).collect();
        let expected = ["analytics", "get_user_stats", "get_workspace_stats", "publish_rates"];
        assert_eq!(names, expected.into());
    }

    /// What users may not call is not offered to them.
    #[test]
    fn every_function_is_one_of_application_users() {
        for route in all() {
            let name = route.function.name;
            assert!(crier_core::rights::FUNCTIONS.iter().any(|(known, _)| *known == name), "{name}");
            assert!(!crier_core::rights::FOR_WORKERS.contains(&name), "{name} is for workers");
            assert!(route.function.statement.contains(&format!("crier.{name}(")), "{name}");
        }
    }
}

//! Every route. One module for each kind of thing; each route names the function that it calls.

mod accounts;
mod api_keys;
mod hooks;
mod jobs;
mod posts;
mod schedules;
mod workspaces;

use super::route::Route;

/// Groups of routes with their names, in the order of the document.
pub(super) const GROUPS: [(&str, &[Route]); 7] = [
    ("posts", posts::ROUTES),
    ("schedules", schedules::ROUTES),
    ("accounts", accounts::ROUTES),
    ("jobs", jobs::ROUTES),
    ("workspaces", workspaces::ROUTES),
    ("API keys", api_keys::ROUTES),
    ("webhooks and alerts", hooks::ROUTES),
];

/// All routes.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    GROUPS.iter().flat_map(|(_, routes)| routes.iter())
}

/// A route: `route!(Method "/path" "What it does.", function!(…) => Answer)`, with arguments that it gives itself at the end.
macro_rules! route {
    ($method:ident $path:literal $summary:literal, $function:expr => $answer:expr $(, $fixed:literal = $value:literal)*) => {
        $crate::http::api::route::Route {
            method: $crate::http::api::route::Method::$method,
            path: $path,
            summary: $summary,
            function: $function,
            fixed: &[$(($fixed, $value)),*],
            answer: $answer,
        }
    };
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

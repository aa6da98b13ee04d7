//! The form of a schedule.

use maud::{Markup, html};

use super::read::DAYS;
use crate::http::dashboard::access::Asked;
use crate::http::dashboard::data::{Account, Coming, Schedule};
use crate::http::dashboard::filled::{Filled, begin};
use crate::http::dashboard::pages::schedule;

pub(super) fn view(
    asked: &Asked,
    old: Option<&Schedule>,
    accounts: &[Account],
    filled: Filled<'_>,
    coming: Option<&[Coming]>,
) -> Markup {
    if !asked.may("create_schedule") {
        return html! { p { "Viewers read schedules; editors make them." } };
    }
    let action = match old {
        Some(old) => format!("{}/schedules/{}/change", asked.base(), old.id),
        None => format!("{}/schedules", asked.base()),
    };
    let is_queue = old.map_or(filled.is_on("queue"), |old| old.kind == "evergreen");
    html! {
        (filled.summary("The schedule was not kept."))
        @if let Some(coming) = coming { (preview(asked, coming)) }
        form class="compose card" method="post" action=(action) data-keep {
            (begin(asked))
            (filled.line("name", "Name", "text"))
            fieldset {
                legend { "What" }
                @if old.is_none() {
                    (filled.choice("queue", "From a queue of texts that begins anew when it is through (you fill it afterwards)"))
                }
                @if !(old.is_some() && is_queue) { (filled.area("content", "Text", 5)) }
                @if is_queue || old.is_none() { (filled.line("rest", "Days that a text of the queue rests after each use", "number")) }
                (filled.line("tags", "Tags, with commas between them", "text"))
            }
            (filled.accounts(asked, accounts))
            (when(filled, old))
            div class="acts" {
                button type="submit" class="quiet" name="preview" value="1" { "Show the coming times" }
                @if coming.is_some() { button type="submit" name="keep" value="1" { "Keep the schedule" } }
            }
            @if coming.is_none() { p class="hint" { "You see the coming times before it is kept." } }
        }
    }
}

fn when(filled: Filled<'_>, old: Option<&Schedule>) -> Markup {
    let repeats = filled.form.get("repeats").unwrap_or("once");
    // what happens once, and what again and again, are not made of each other
    let choices: &[(&str, &str)] = match old.map(|old| old.rule.is_some()) {
        Some(false) => &[("once", "Once")],
        Some(true) => &[("daily", "By days"), ("weekly", "By weeks"), ("rule", "By a rule")],
        None => &[("once", "Once"), ("daily", "By days"), ("weekly", "By weeks"), ("rule", "By a rule")],
    };
    let chosen: Vec<_> = filled.form.all("day").collect();
    html! {
        fieldset {
            legend { "When" }
            div class="choices" { (filled.one_of("repeats", repeats, choices)) }
            div class="pair" {
                (filled.line("starts", "Starts", "datetime-local"))
                (filled.line("ends", "Ends, if it does", "datetime-local"))
            }
            (filled.line("zone", "Time zone", "text"))
            @if old.is_none_or(|old| old.rule.is_some()) {
                div class="pair" {
                    (filled.line("times", "By days or weeks: at, with commas between", "text"))
                    (filled.line("every", "every … days or weeks", "number"))
                }
                fieldset aria-describedby=[filled.described("days")] {
                    legend { "By weeks: on" }
                    (filled.told("days"))
                    div class="choices" {
                        @for (word, name) in DAYS {
                            div class="choice" {
                                input type="checkbox" id=(format!("day-{word}")) name="day" value=(word) checked[chosen.contains(&word)];
                                label for=(format!("day-{word}")) { (name) }
                            }
                        }
                    }
                }
                (filled.line("rule", "By a rule: one of RFC 5545, such as FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17", "text"))
            }
        }
    }
}

fn preview(asked: &Asked, coming: &[Coming]) -> Markup {
    html! {
        section class="card" aria-labelledby="preview" {
            h2 id="preview" { "What would come" }
            @if coming.is_empty() { p { "Nothing: it has no time from now on." } }
            ol class="times" { @for one in coming { li { (schedule::next(asked, one)) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};
    use uuid::Uuid;

    use super::*;
    use crate::http::dashboard::access::tests::asked;
    use crate::http::dashboard::fields::Fields;
    use crate::http::dashboard::filled::Problem;
    use crate::http::dashboard::show::tests::assert_accessible;

    fn shown(
        form: &str,
        old: Option<&Schedule>,
        problem: Option<&Problem>,
        coming: Option<&[Coming]>,
    ) -> String {
        let form = Fields::of(form);
        view(&asked("editor"), old, &[], Filled { form: &form, problem }, coming).into_string()
    }

    #[test]
    fn it_is_kept_only_once_its_times_were_seen() {
        let first = shown("repeats=daily&times=09:00", None, None, None);
        assert_accessible(&first);
        assert!(!first.contains("name=\"keep\"") && first.contains("name=\"preview\""), "{first}");
        let coming = json!({
            "occurs_at": "2027-03-28T01:00:00+00:00", "wall_time": "2027-03-28T03:00:00", "utc_offset": "+02:00", "note": "<b>",
        });
        let seen = shown("repeats=weekly&day=mon", None, None, Some(&[from_value(coming).unwrap()]));
        assert_accessible(&seen);
        assert!(seen.contains("name=\"keep\"") && seen.contains("value=\"mon\" checked"), "{seen}");
        assert!(!seen.contains("<b>"), "{seen}");
    }

    #[test]
    fn what_is_wrong_stands_at_its_field_and_the_rest_is_there_again() {
        let problem = Problem::at("rule", "no rule <b>");
        let text = shown("name=%3Cscript%3E&content=a&rule=FREQ", None, Some(&problem), None);
        assert!(
            text.contains("id=\"rule-problem\">no rule &lt;b&gt;") && text.contains("value=\"FREQ\""),
            "{text}"
        );
        assert!(!text.contains("<script"), "{text}");
    }

    #[test]
    fn an_old_one_stays_of_its_kind() {
        let old = json!({
            "id": Uuid::from_u128(9), "workspace_id": Uuid::from_u128(2), "name": null, "kind": "evergreen", "state": "active",
            "rule": "FREQ=DAILY", "starts": "2026-01-01T00:00:00", "ends": null, "zone": "UTC", "next_at": null,
        });
        let text = shown("repeats=rule", Some(&from_value(old).unwrap()), None, None);
        assert_accessible(&text);
        assert!(
            text.contains("/change\"")
                && !text.contains("name=\"queue\"")
                && !text.contains("name=\"content\""),
            "{text}"
        );
        assert!(!text.contains("value=\"once\"") && text.contains("name=\"rest\""), "{text}");
        let viewer =
            view(&asked("viewer"), None, &[], Filled { form: &Fields::default(), problem: None }, None);
        assert!(!viewer.into_string().contains("<form"));
    }
}

//! The form of a post.

use maud::{Markup, html};

use super::counts;
use super::read::{files, parts};
use crate::http::dashboard::access::Asked;
use crate::http::dashboard::data::Account;
use crate::http::dashboard::filled::{Filled, begin};
use crate::http::dashboard::times;

pub(super) fn view(asked: &Asked, accounts: &[Account], filled: Filled<'_>) -> Markup {
    if !asked.may("create_post") {
        return html! { p { "Viewers read posts; editors write them." } };
    }
    let form = filled.form;
    let when = form.get("when").unwrap_or(if form.get("at").is_some() { "at" } else { "now" });
    let at = form.get("at").map_or_else(|| times::field(asked.now, asked.zone()), str::to_owned);
    html! {
        (filled.summary("The post was not made."))
        form class="compose card" method="post" action=(format!("{}/posts", asked.base())) data-keep {
            (begin(asked))
            (filled.area("content", "Text", 7))
            @if filled.problem.is_some() { (counts::view(form, accounts)) }
            (filled.accounts(asked, accounts))
            fieldset aria-describedby=[filled.described("at")] {
                legend { "When" }
                (filled.told("at"))
                (filled.one_of("when", when, &[
                    ("now", "Now"), ("slot", "At the next slot of each account"), ("at", "At a time"),
                ]))
                div class="field" {
                    label for="at" { "Time (" (asked.zone().name()) ")" }
                    input id="at" name="at" type="datetime-local" value=(at) aria-invalid=[filled.is_wrong("at")];
                }
            }
            (media(filled))
            (thread(filled))
            (more(filled))
            div class="choice" {
                input type="checkbox" id="draft" name="draft" value="1" checked[filled.is_on("draft")];
                label for="draft" { "Only a draft: nothing is published" }
            }
            div class="acts" { button type="submit" { "Make the post" } }
        }
    }
}

fn media(filled: Filled<'_>) -> Markup {
    let files = files(filled.form);
    let wants = filled.value("more") == "media";
    html! {
        details open[wants || !files.is_empty() || filled.described("media").is_some()] {
            summary { "Images and videos" @if !files.is_empty() { " (" (files.len()) ")" } }
            (filled.told("media"))
            p class="hint" { "By their addresses: Crier fetches them when the post is due." }
            @for (at, (url, alt)) in files.iter().copied().chain([("", "")]).enumerate() {
                div class="pair" {
                    div class="field" {
                        label for=(format!("media-url-{at}")) { "Address of file " (at + 1) }
                        input id=(format!("media-url-{at}")) name="media_url" type="url" value=(url) autocomplete="off"
                            placeholder="https://" aria-invalid=[filled.is_wrong("media")] aria-describedby=[filled.described("media")];
                    }
                    div class="field" {
                        label for=(format!("media-alt-{at}")) { "What it shows, in words" }
                        input id=(format!("media-alt-{at}")) name="media_alt" value=(alt) autocomplete="off";
                    }
                }
            }
            button type="submit" class="quiet" name="more" value="media" formnovalidate { "One more file" }
        }
    }
}

fn thread(filled: Filled<'_>) -> Markup {
    let parts: Vec<_> = parts(filled.form).collect();
    let wants = filled.value("more") == "part";
    html! {
        details open[wants || !parts.is_empty() || filled.is_on("split") || filled.described("part").is_some()] {
            summary { "Thread" @if !parts.is_empty() { " (" (parts.len() + 1) " parts)" } }
            (filled.told("part"))
            @for (at, part) in parts.iter().copied().chain([""]).enumerate() {
                div class="field" {
                    label for=(format!("part-{at}")) { "Part " (at + 2) }
                    textarea id=(format!("part-{at}")) name="part" rows="3" dir="auto" aria-invalid=[filled.is_wrong("part")]
                        aria-describedby=[filled.described("part")] { "\n" (part) }
                }
            }
            button type="submit" class="quiet" name="more" value="part" formnovalidate { "One more part" }
            (filled.choice("split", "Cut the text into a thread where it is too long"))
        }
    }
}

fn more(filled: Filled<'_>) -> Markup {
    let names = ["tags", "first_comment", "settings"];
    let is_open = names.iter().any(|name| filled.is_on(name) || filled.described(name).is_some());
    html! {
        details open[is_open] {
            summary { "More" }
            (filled.line("tags", "Tags, with commas between them", "text"))
            (filled.area("first_comment", "First comment", 2))
            (filled.area("settings", "Settings of platforms, as JSON", 3))
            p class="hint" { "By platform, for instance " code { "{\"mastodon\": {\"visibility\": \"unlisted\"}}" } "." }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};
    use uuid::Uuid;

    use super::*;
    use crate::db::api::Refusal;
    use crate::http::dashboard::access::tests::asked;
    use crate::http::dashboard::fields::Fields;
    use crate::http::dashboard::filled::Problem;
    use crate::http::dashboard::show::tests::assert_accessible;

    fn accounts() -> Vec<Account> {
        let account = json!({
            "id": Uuid::from_u128(3), "workspace_id": Uuid::from_u128(2), "platform": "bluesky", "handle": "<script>",
            "base_url": "", "status": "paused", "status_reason": null,
        });
        vec![from_value(account).unwrap()]
    }

    fn shown(form: &Fields, problem: Option<&Problem>) -> String {
        view(&asked("editor"), &accounts(), Filled { form, problem }).into_string()
    }

    #[test]
    fn what_was_written_is_there_again_with_what_is_wrong_beside_it() {
        let id = Uuid::from_u128(3);
        let form = Fields::of(&format!(
            "content=%0Aa%3C/textarea%3E%3Cscript%3E&account={id}&when=at&at=2026-12-01T09:00&media_url=%22%3E%3Cscript%3E&media_alt=a+cat\
             &part=%3C/textarea%3E%3Cscript%3E&first_comment=first&settings=%7B%7D&split=1"
        ));
        let refusal = Refusal {
            state: "22023".into(),
            message: format!("account {id}: content is too long <b>"),
            hint: Some("Shorten it.".into()),
            reason: Some("content_invalid".into()),
        };
        let problem = Problem::of_sql(refusal, &[]).naming(&accounts());
        let shown = shown(&form, Some(&problem));
        assert_accessible(&shown);
        let told =
            "id=\"content-problem\">bluesky: &lt;script&gt;: content is too long &lt;b&gt; Shorten it.";
        assert!(shown.contains(told), "{shown}");
        assert!(shown.contains("aria-invalid=\"true\" aria-describedby=\"content-problem\""), "{shown}");
        assert!(shown.contains("\n\na&lt;/textarea&gt;") && !shown.contains("<script"), "{shown}");
        for part in [
            &format!("value=\"{id}\" checked"),
            "value=\"at\" checked",
            "value=\"2026-12-01T09:00\"",
            "value=\"a cat\"",
            "name=\"split\" value=\"1\" checked",
            "Usual limit",
            "2 parts",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }

    #[test]
    fn one_more_of_it_is_one_more_field() {
        let shown =
            shown(&Fields::of("content=a&more=media&media_url=https://a.example/1.png&media_alt="), None);
        assert_eq!(shown.matches("name=\"media_url\"").count(), 2, "{shown}");
        assert_eq!(shown.matches("name=\"part\"").count(), 1, "{shown}");
        assert!(!shown.contains("role=\"alert\"") && !shown.contains("Usual limit"), "{shown}");
    }

    #[test]
    fn viewers_write_nothing() {
        let filled = Filled { form: &Fields::default(), problem: None };
        assert!(!view(&asked("viewer"), &[], filled).into_string().contains("<form"));
    }
}

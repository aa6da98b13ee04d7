//! Small parts of pages.

use maud::{Markup, html};
use serde_json::Value;
use url::Url;

use super::access::Asked;
use super::{forgery, words};
use crate::people::mark;

/// A state, as a sign and in words: never by a colour alone.
pub(super) fn state(word: &str) -> Markup {
    let kind = match word {
        "published" | "completed" | "active" | "done" => "good",
        "failed" | "unconfirmed" | "reauth_required" | "disconnected" => "bad",
        "partly_published" | "in_review" | "retrying" | "unknown" | "paused" => "odd",
        "canceled" | "draft" | "ended" => "faint",
        _ => "calm",
    };
    let sign = match word {
        "reauth_required" | "disconnected" => "!",
        "completed" | "active" | "done" => "✓",
        other => mark(other).sign,
    };
    html! {
        span class=(format!("state {kind}")) { span aria-hidden="true" { (sign) " " } (words::state(word)) }
    }
}

/// A link to where a platform says that something is. It is theirs to say: nothing but the web is linked to.
pub(super) fn link(address: &str, text: &str) -> Markup {
    let is_web = Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    match is_web {
        true => html! { a href=(address) rel="noopener noreferrer nofollow ugc" { (text) } },
        false => html! { span { (address) } },
    }
}

/// An account by its platform and name.
pub(super) fn account(platform: &str, handle: &str) -> Markup {
    html! { span class="account" { span class="platform" { (words::platform(platform)) } " " bdi { (handle) } } }
}

/// An error, in words.
pub(super) fn error(error: &Value) -> Markup {
    let (meaning, message) = words::error(error);
    html! {
        p class="error" {
            (meaning)
            @if let Some(message) = message { " " q { (message) } }
        }
    }
}

/// A text that somebody wrote, with its lines.
pub(super) fn text(content: &str) -> Markup {
    html! { p class="text" dir="auto" { (content) } }
}

/// A form that does something: its act, the fields it needs, its button. It comes back to the page on which it is.
pub(super) fn act(
    asked: &Asked,
    act: &str,
    hidden: &[(&str, &str)],
    fields: &Markup,
    button: &Markup,
) -> Markup {
    let content = html! {
        input type="hidden" name="back" value=(asked.here);
        (fields)
        (button)
    };
    form(&format!("{}/do/{act}", asked.base()), &asked.form_token(), hidden, &content)
}

/// A form with a token of whoever it is shown to.
pub(super) fn form(address: &str, token: &str, hidden: &[(&str, &str)], content: &Markup) -> Markup {
    html! {
        form class="act" method="post" action=(address) {
            input type="hidden" name=(forgery::FIELD) value=(token);
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            (content)
        }
    }
}

/// The same with nothing but a button. `what` tells those who hear the page what it is about.
pub(super) fn button(
    asked: &Asked,
    act_name: &str,
    hidden: &[(&str, &str)],
    label: &str,
    what: &str,
) -> Markup {
    act(asked, act_name, hidden, &html! {}, &labeled(label, what))
}

/// The same for what can't be undone: the script asks first.
pub(super) fn grave(
    asked: &Asked,
    act_name: &str,
    hidden: &[(&str, &str)],
    label: &str,
    question: &str,
) -> Markup {
    let button = html! { button type="submit" class="grave" data-ask=(question) { (label) } };
    act(asked, act_name, hidden, &html! {}, &button)
}

pub(super) fn labeled(label: &str, what: &str) -> Markup {
    html! { button type="submit" { (label) @if !what.is_empty() { span class="heard" { ": " (what) } } } }
}

/// The way to the next page of a list.
pub(super) fn next(asked: &Asked, path: &str, cursor: Option<&str>) -> Markup {
    html! {
        @if let Some(cursor) = cursor {
            nav aria-label="Pages" {
                a rel="next" href=(format!("{}{path}?{}", asked.base(), asked.query.with("cursor", cursor))) { "Older ones" }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::super::access::tests::asked;
    use super::*;

    /// Each field of a page has its label, each name of a part is there once, and whatever points to a part finds it.
    pub(in crate::http::dashboard) fn assert_accessible(page: &str) {
        let named = |tag: &str, name: &str| {
            let begin = format!(" {name}=\"");
            tag.split_once(&begin).and_then(|(_, rest)| rest.split('"').next()).map(str::to_owned)
        };
        let tags: Vec<_> = page.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect();
        let mut ids = BTreeSet::new();
        for id in tags.iter().filter_map(|tag| named(tag, "id")) {
            assert!(ids.insert(id.clone()), "{id} is there twice in {page}");
        }
        let labels: BTreeSet<_> = tags.iter().filter_map(|tag| named(tag, "for")).collect();
        for tag in &tags {
            let is_field = ["input ", "textarea ", "select "].iter().any(|name| tag.starts_with(name));
            if is_field && !tag.contains("type=\"hidden\"") {
                let id = named(tag, "id").unwrap_or_default();
                assert!(labels.contains(&id), "no label for <{tag}> in {page}");
            }
            for name in ["for", "aria-labelledby", "aria-describedby"] {
                if let Some(id) = named(tag, name) {
                    assert!(ids.contains(&id), "{name} of <{tag}> leads nowhere in {page}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "no label for <input id=\"a\"")]
    fn a_field_without_a_label_is_found() {
        assert_accessible("<p><label for=\"b\">B</label><input id=\"b\"><input id=\"a\"></p>");
    }

    #[test]
    fn only_the_web_is_linked_to() {
        for good in ["https://a.example/x?y=1&z=%22", "http://127.0.0.1:8080/x"] {
            assert!(link(good, "t").into_string().starts_with("<a href=\"http"), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "at://did:plc:x/app.bsky.feed.post/1",
            "//evil.example",
            "",
        ] {
            let shown = link(bad, "t").into_string();
            assert!(!shown.contains("<a ") && !shown.contains("<script"), "{shown}");
        }
        let broken = link("https://a.example/\"><script>alert(1)</script>", "<i>").into_string();
        assert!(!broken.contains("<script") && !broken.contains("<i>"), "{broken}");
    }

    #[test]
    fn what_others_wrote_is_text() {
        let hostile = "<script>alert(1)</script>\"'";
        for shown in [
            text(hostile),
            account(hostile, hostile),
            state(hostile),
            error(&serde_json::json!({ "class": hostile, "message": hostile })),
            button(&asked("owner"), "cancel", &[("post", hostile)], hostile, hostile),
            grave(&asked("owner"), "cancel", &[("post", hostile)], hostile, hostile),
        ] {
            let shown = shown.into_string();
            assert!(!shown.contains("<script") && shown.contains("&lt;script&gt;"), "{shown}");
            assert!(!shown.contains("\"'"), "{shown}");
        }
    }
}

//! Forms as people filled them in: what they wrote is there again, with what is wrong beside the field that it is about.

use maud::{Markup, html};

use super::access::Asked;
use super::data::Account;
use super::fields::Fields;
use super::{forgery, show};
use crate::db::api::Refusal;

/// What was wrong, and with which field; none: with none of them alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) field: Option<&'static str>,
    pub(super) words: String,
    hint: Option<String>,
}

impl Problem {
    pub(super) fn at(field: &'static str, words: impl Into<String>) -> Self {
        Self { field: Some(field), words: words.into(), hint: None }
    }

    /// What SQL says. It begins with the argument's name, and says of a content what a platform does not take. `names`: which
    /// field each argument is from.
    pub(super) fn of_sql(refusal: Refusal, names: &[(&str, &'static str)]) -> Self {
        let named = refusal.message.split([' ', ':', ',', '.', '[']).next().unwrap_or_default();
        let field = match refusal.reason.as_deref() {
            // of a text it names the account whose platform does not take it
            Some("content_invalid") => Some("content"),
            _ => names.iter().find(|(argument, _)| *argument == named).map(|(_, field)| *field),
        };
        Self { field, words: refusal.message, hint: refusal.hint }
    }

    /// The same with accounts by their names: SQL knows them by their ids.
    pub(super) fn naming(self, accounts: &[Account]) -> Self {
        let named = |words: String, account: &Account| {
            words.replace(
                &format!("account {}", account.id),
                &format!("{}: {}", account.platform, account.handle),
            )
        };
        Self { words: accounts.iter().fold(self.words, named), ..self }
    }
}

/// A form with what is in it, and what is wrong with that.
#[derive(Clone, Copy)]
pub(super) struct Filled<'a> {
    pub(super) form: &'a Fields,
    pub(super) problem: Option<&'a Problem>,
}

impl Filled<'_> {
    pub(super) fn value(&self, name: &str) -> &str {
        self.form.get(name).unwrap_or_default()
    }

    pub(super) fn is_on(&self, name: &str) -> bool {
        self.form.get(name).is_some()
    }

    fn of(&self, field: &str) -> Option<&Problem> {
        self.problem.filter(|problem| problem.field == Some(field))
    }

    pub(super) fn is_wrong(&self, field: &str) -> Option<&'static str> {
        self.of(field).map(|_| "true")
    }

    pub(super) fn described(&self, field: &str) -> Option<String> {
        self.of(field).map(|_| format!("{field}-problem"))
    }

    /// What is wrong with it as a whole, or that something is.
    pub(super) fn summary(&self, failed: &str) -> Markup {
        html! {
            @if let Some(problem) = self.problem {
                div class="problem" role="alert" {
                    p { (failed) " " @if problem.field.is_none() { (problem.words) } @else { "See below what is wrong." } }
                    @if problem.field.is_none() { @if let Some(hint) = &problem.hint { p { (hint) } } }
                }
            }
        }
    }

    /// What is wrong with a field.
    pub(super) fn told(&self, field: &str) -> Markup {
        html! {
            @if let Some(problem) = self.of(field) {
                p class="problem" id=(format!("{field}-problem")) {
                    (problem.words)
                    @if let Some(hint) = &problem.hint { " " (hint) }
                }
            }
        }
    }

    /// A field of a line.
    pub(super) fn line(&self, name: &str, label: &str, kind: &str) -> Markup {
        self.line_of(name, label, kind, self.value(name))
    }

    /// The same with another value than what was written.
    pub(super) fn line_of(&self, name: &str, label: &str, kind: &str, value: &str) -> Markup {
        html! {
            div class="field" {
                label for=(name) { (label) }
                (self.told(name))
                input id=(name) name=(name) type=(kind) value=(value) autocomplete="off" aria-invalid=[self.is_wrong(name)]
                    aria-describedby=[self.described(name)];
            }
        }
    }

    /// A field of several lines.
    pub(super) fn area(&self, name: &str, label: &str, rows: u32) -> Markup {
        html! {
            div class="field" {
                label for=(name) { (label) }
                (self.told(name))
                // a first line break is not of the text
                textarea id=(name) name=(name) rows=(rows) dir="auto" aria-invalid=[self.is_wrong(name)]
                    aria-describedby=[self.described(name)] { "\n" (self.form.all(name).next().unwrap_or_default()) }
            }
        }
    }

    /// A box to tick.
    pub(super) fn choice(&self, name: &str, label: &str) -> Markup {
        html! {
            div class="choice" {
                input type="checkbox" id=(name) name=(name) value="1" checked[self.is_on(name)];
                label for=(name) { (label) }
            }
        }
    }

    /// One of several.
    pub(super) fn one_of(&self, name: &str, chosen: &str, choices: &[(&str, &str)]) -> Markup {
        html! {
            @for (value, label) in choices {
                div class="choice" {
                    input type="radio" id=(format!("{name}-{value}")) name=(name) value=(value) checked[chosen == *value];
                    label for=(format!("{name}-{value}")) { (label) }
                }
            }
        }
    }

    /// The accounts to choose from.
    pub(super) fn accounts(&self, asked: &Asked, accounts: &[Account]) -> Markup {
        let chosen: Vec<_> = self.form.all("account").collect();
        html! {
            fieldset aria-describedby=[self.described("accounts")] {
                legend { "Accounts" }
                (self.told("accounts"))
                @if accounts.is_empty() {
                    p class="hint" { "No account is connected yet: " a href=(format!("{}/accounts", asked.base())) { "to the accounts" } "." }
                }
                div class="choices" {
                    @for account in accounts {
                        @let id = account.id.to_string();
                        div class="choice" {
                            input type="checkbox" id=(format!("account-{id}")) name="account" value=(id)
                                checked[chosen.contains(&id.as_str())];
                            label for=(format!("account-{id}")) {
                                (show::account(&account.platform, &account.handle))
                                @if account.status != "active" { " " (show::state(&account.status)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What every form begins with. The first button is what the Enter key presses: it must not be one of those in between.
pub(super) fn begin(asked: &Asked) -> Markup {
    html! {
        input type="hidden" name=(forgery::FIELD) value=(asked.form_token());
        button type="submit" class="heard" tabindex="-1" aria-hidden="true" { "Go on" }
    }
}

/// The text of a field as it is meant: browsers end lines with two characters.
pub(super) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Words with commas between them.
pub(super) fn words(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_find_their_field() {
        let field = |message: &str, reason: Option<&str>| {
            let (message, reason) = (message.to_owned(), reason.map(str::to_owned));
            let refusal = Refusal { state: "22023".into(), message, hint: None, reason };
            Problem::of_sql(refusal, &[("accounts", "accounts"), ("scheduled_at", "at"), ("media", "media")])
                .field
        };
        assert_eq!(field("accounts is empty", None), Some("accounts"));
        assert_eq!(field("scheduled_at lies too far ahead", None), Some("at"));
        assert_eq!(field("media[1].url is missing", None), Some("media"));
        assert_eq!(field("account x: the text is too long", Some("content_invalid")), Some("content"));
        assert_eq!(field("the workspace has too many posts", Some("limit")), None);
    }
}

//! How a text counts on the platforms it is meant for: shown once it was refused, because each counts in its own way.

use crier_core::platform;
use maud::{Markup, html};
use serde_json::Value;

use super::read::parts;
use crate::http::dashboard::data::Account;
use crate::http::dashboard::fields::Fields;
use crate::http::dashboard::show;

pub(super) fn view(form: &Fields, accounts: &[Account]) -> Markup {
    let chosen: Vec<_> = form.all("account").collect();
    let chosen = accounts.iter().filter(|account| chosen.contains(&account.id.to_string().as_str()));
    let known: Vec<_> =
        chosen.filter_map(|account| Some((account, platform::find(&account.platform)?))).collect();
    let settings: Value =
        form.get("settings").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let content = form.all("content").next().unwrap_or_default();
    let texts: Vec<String> =
        std::iter::once(content).chain(parts(form)).map(crate::http::dashboard::filled::lines).collect();
    html! {
        @if !known.is_empty() {
            div class="wide" tabindex="0" role="region" aria-labelledby="counts" {
                table {
                    caption id="counts" { "How long it is" }
                    thead { tr {
                        th scope="col" { "Account" }
                        @for at in 0..texts.len() { th scope="col" { @if at == 0 { "Text" } @else { "Part " (at + 1) } } }
                        th scope="col" { "Usual limit" }
                    } }
                    tbody {
                        @for (account, platform) in known {
                            @let rules = &platform.text;
                            @let taken = (platform.taken)(&settings[platform.name]);
                            tr {
                                th scope="row" { (show::account(&account.platform, &account.handle)) }
                                @for text in &texts {
                                    @let count = rules.count.count(text) + taken;
                                    td class=[(count > rules.limit).then_some("bad")] {
                                        (count) @if count > rules.limit { " (too long)" }
                                    }
                                }
                                td { (rules.limit) " " (rules.unit) }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};
    use uuid::Uuid;

    use super::*;

    fn account(number: u128, platform: &str) -> Account {
        let id = Uuid::from_u128(number);
        from_value(json!({
            "id": id, "workspace_id": id, "platform": platform, "handle": "<b>", "base_url": "", "status": "active",
            "status_reason": null,
        }))
        .unwrap()
    }

    #[test]
    fn each_platform_counts_in_its_own_way() {
        let accounts =
            [account(1, "bluesky"), account(2, "x"), account(3, "mastodon"), account(4, "nowhere")];
        let link = format!("https://a.com/{}", "x".repeat(300));
        let form = Fields::of(&format!(
            "content={link}&part=short&account={}&account={}&account={}",
            Uuid::from_u128(1),
            Uuid::from_u128(2),
            Uuid::from_u128(4)
        ));
        let shown = view(&form, &accounts).into_string();
        assert!(shown.contains("314 (too long)") && shown.contains("<td>23</td>"), "{shown}");
        assert!(
            shown.contains("300 graphemes") && shown.contains("Part 2") && !shown.contains("Mastodon"),
            "{shown}"
        );
        assert!(!shown.contains("<b>"), "{shown}");
        assert!(!view(&Fields::default(), &accounts).into_string().contains("<table"));
    }
}

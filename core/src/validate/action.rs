//! Whether a platform can do what an account is to do besides publishing.

use super::{Violation, length_of};
use crate::platform::{Action, MessageRules, Platform};
use crate::text;

/// The most characters of a subject that a message repeats.
const MAX_SHOWN: usize = 80;

/// Everything for which `platform` would refuse what an account is to do besides publishing; empty means that it can be
/// accepted. `subject` is what the platform calls the post or account.
pub fn action(
    platform: &'static Platform,
    action: Action,
    subject: &str,
    text: Option<&str>,
) -> Vec<Violation> {
    let (what, form) = match action {
        Action::Follow | Action::DirectMessage => ("an account", platform.subjects.account),
        _ => ("a post", platform.subjects.post),
    };
    let mut violations = Vec::new();
    if !(form.fits)(subject) {
        let found = subject.chars().take(MAX_SHOWN).collect();
        violations.push(Violation::Subject { platform: platform.name, what, found, looks: form.looks });
    }
    match (platform.message, text) {
        (Some(rules), Some(text)) if action == Action::DirectMessage => {
            violations.extend(message_of(platform.name, &rules, subject, text));
        }
        (_, None) if action == Action::DirectMessage => violations.push(Violation::NoText),
        (_, Some(_)) => violations.push(Violation::UnwantedText { kind: action.kind().unwrap_or("job") }),
        (_, None) => {}
    }
    violations
}

fn message_of(platform: &'static str, rules: &MessageRules, to: &str, text: &str) -> Vec<Violation> {
    if text.trim().is_empty() {
        return vec![Violation::NoText];
    }
    if !rules.mentions {
        return length_of(platform, &rules.text, "", text).collect();
    }
    let name = to.strip_prefix('@').unwrap_or(to);
    let mentions = text::mentions(text, rules.text.count.dialect()).into_iter();
    let others = mentions.map(|range| &text[range]).filter(|other| !other[1..].eq_ignore_ascii_case(name));
    let mut violations: Vec<_> = others
        .take(1)
        .map(|other| Violation::Mention { platform, found: other.chars().take(MAX_SHOWN).collect() })
        .collect();
    violations.extend(length_of(platform, &rules.text, &format!("@{name} "), text));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::bluesky::PLATFORM as BLUESKY;
    use crate::platform::mastodon::PLATFORM as MASTODON;
    use crate::platform::x::PLATFORM as X;
    use crate::text::Excess;

    #[test]
    fn what_is_done_names_a_post_or_an_account() {
        let post = "at://did:plc:abc/app.bsky.feed.post/3jzfcijpj2z2a";
        assert_eq!(action(&BLUESKY, Action::Like, post, None), []);
        assert_eq!(action(&BLUESKY, Action::Follow, "alice.test", None), []);
        for (what, subject) in [(Action::Like, "alice.test"), (Action::Follow, post), (Action::Follow, "")] {
            let found = action(&BLUESKY, what, subject, None);
            assert!(matches!(found[..], [Violation::Subject { platform: "bluesky", .. }]), "{found:?}");
        }
        let huge = action(&X, Action::Like, &"1".repeat(1_000_000), None);
        assert!(huge[0].to_string().len() < 300, "{huge:?}");
        let text = action(&BLUESKY, Action::Like, post, Some("nice"));
        assert_eq!(text, [Violation::UnwantedText { kind: "like" }]);
    }

    #[test]
    fn a_message_is_counted_as_the_platform_counts() {
        fn dm(platform: &'static Platform, to: &str, text: Option<&str>) -> Vec<Violation> {
            action(platform, Action::DirectMessage, to, text)
        }
        assert_eq!(dm(&X, "1002", Some(&"a".repeat(10_000))), []);
        let (unit, excess) = ("characters", Excess { from: 10_001, begins: "a".into() });
        let long = Violation::Text { platform: "x", unit, found: 10_001, limit: 10_000, excess };
        assert_eq!(dm(&X, "1002", Some(&"a".repeat(10_001))), [long]);
        for nothing in [None, Some(""), Some(" \n")] {
            assert_eq!(dm(&MASTODON, "@bob@b.example", nothing), [Violation::NoText]);
        }
        // of the addressee, the name counts and the server does not
        assert_eq!(dm(&MASTODON, "@bob@b.example", Some(&"a".repeat(495))), []);
        let excess = Excess { from: 496, begins: "a".into() };
        let long = Violation::Text { platform: "mastodon", unit, found: 501, limit: 500, excess };
        assert_eq!(dm(&MASTODON, "bob@b.example", Some(&"a".repeat(496))), [long]);
    }

    #[test]
    fn nobody_else_is_mentioned_in_a_message_that_goes_to_all_mentioned() {
        let dm = |text| action(&MASTODON, Action::DirectMessage, "@bob@b.example", Some(text));
        assert_eq!(dm("write to a@b.example or @Bob@b.example"), []);
        let eve = Violation::Mention { platform: "mastodon", found: "@eve".into() };
        assert_eq!(dm("not for @eve"), [eve]);
        assert_eq!(action(&X, Action::DirectMessage, "7", Some("not for @eve")), []);
    }
}

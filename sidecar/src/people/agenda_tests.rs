use chrono::TimeZone;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::people::entry::OnAccount;

const BERLIN: Tz = Tz::Europe__Berlin;
const PLAIN: Screen = Screen { columns: 80, colour: false, is_terminal: false };

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn entry(due_at: &str, state: &str, content: &str, on: &[(&str, &str, Option<&str>)]) -> Entry {
    let accounts = on.iter().map(|(platform, handle, state)| OnAccount {
        account_id: Uuid::nil(),
        platform: (*platform).into(),
        handle: (*handle).into(),
        state: state.map(str::to_owned),
        url: None,
        due_at: None,
    });
    Entry {
        due_at: utc(due_at),
        post_id: Some(Uuid::nil()),
        state: state.into(),
        content: content.into(),
        accounts: accounts.collect(),
        media: 0,
    }
}

fn week(first: (i32, u32, u32)) -> Span {
    Span { first: NaiveDate::from_ymd_opt(first.0, first.1, first.2).unwrap(), count: 7, zone: BERLIN }
}

#[test]
fn a_week_as_it_is_read() {
    let entries = [
        entry(
            "2026-12-01T17:30:00Z",
            "scheduled",
            "新しい製品のお知らせ 🎉 We are proud to present what we have been working on for a year",
            &[("bluesky", "alice.test", Some("scheduled"))],
        ),
        entry(
            "2026-11-30T08:00:00Z",
            "partly_published",
            "Good morning,\nworld",
            &[
                ("bluesky", "alice.test", Some("published")),
                ("mastodon", "alice@social.example", Some("failed")),
            ],
        ),
        entry("2026-12-06T22:59:00Z", "draft", "", &[]),
        // of the weeks before and after
        entry("2026-11-29T22:59:59Z", "scheduled", "before", &[]),
        entry("2026-12-06T23:00:00Z", "scheduled", "after", &[]),
    ];
    let shown = render(week((2026, 11, 30)), &entries, utc("2026-12-01T12:00:00Z"), PLAIN);
    let expected = "\
30 November – 6 December 2026, Europe/Berlin

Monday 30 November                                                        1 post
  09:00 ✓ bluesky:alice.test          Good morning, world
        ✗ mastodon:alice@social.exa…

Tuesday 1 December, today                                                 1 post
  18:30 ○ bluesky:alice.test          新しい製品のお知らせ 🎉 We are proud to p…

Wednesday 2 December                                                     nothing

Thursday 3 December                                                      nothing

Friday 4 December                                                        nothing

Saturday 5 December                                                      nothing

Sunday 6 December                                                         1 post
  23:59 -

- draft   ○ scheduled   ✓ published   ✗ failed
";
    assert_eq!(shown, expected);
    let wide = Screen { columns: 120, ..PLAIN };
    let shown = render(week((2026, 11, 30)), &entries, utc("2026-12-01T12:00:00Z"), wide);
    assert!(shown.contains("mastodon:alice@social.example\n"), "{shown}");
    assert!(shown.contains("what we have been working on"), "{shown}");
}

#[test]
fn a_day_on_which_the_clocks_change_has_all_of_its_hours() {
    let entries = [
        entry("2027-03-27T23:00:00Z", "scheduled", "first", &[]),
        entry("2027-03-28T21:59:59Z", "scheduled", "last", &[]),
        entry("2027-03-28T22:00:00Z", "scheduled", "tomorrow", &[]),
    ];
    let day = Span { count: 1, ..week((2027, 3, 28)) };
    let shown = render(day, &entries, utc("2026-12-01T12:00:00Z"), PLAIN);
    assert!(shown.starts_with("28 March 2027, Europe/Berlin\n"), "{shown}");
    assert!(shown.contains("\n  the clocks change from +01:00 to +02:00\n"), "{shown}");
    assert!(shown.contains("00:00 ○") && shown.contains("23:59 ○") && !shown.contains("tomorrow"), "{shown}");
    assert_eq!(day.bounds().1 - day.bounds().0, chrono::Duration::hours(23));
}

#[test]
fn an_account_with_a_time_of_its_own_stands_there_at_that() {
    let mut slots = entry(
        "2026-12-01T08:00:00Z",
        "scheduled",
        "Hi",
        &[("bluesky", "a.test", None), ("bluesky", "b.test", None)],
    );
    slots.accounts[1].due_at = Some(utc("2026-12-02T09:30:00Z"));
    let shown = render(week((2026, 11, 30)), &[slots], utc("2026-12-01T12:00:00Z"), PLAIN);
    assert!(
        shown.contains(
            "today                                                 1 post\n  09:00 ○ bluesky:a.test  Hi\n"
        ),
        "{shown}"
    );
    assert!(shown.contains("1 post\n  10:30 ○ bluesky:b.test  Hi\n"), "{shown}");
}

#[test]
fn colours_change_nothing_but_colours() {
    let entries = [entry("2026-12-01T17:30:00Z", "published", "Hi", &[("bluesky", "alice.test", None)])];
    let at = utc("2026-12-01T12:00:00Z");
    let coloured = render(week((2026, 11, 30)), &entries, at, Screen { colour: true, ..PLAIN });
    assert!(coloured.contains("\x1b[32m✓\x1b[0m"), "{coloured}");
    let mut plain = coloured;
    for code in ["1", "32", "2", "0"] {
        plain = plain.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(plain, render(week((2026, 11, 30)), &entries, at, PLAIN));
}

#[test]
fn many_accounts_and_what_they_are_called_do_no_harm() {
    let on: Vec<_> = (0..8).map(|_| ("bluesky", "evil\u{1b}]0;x\u{7}\n.test", None)).collect();
    let entries = [entry("2026-12-01T17:30:00Z", "scheduled", "\u{1b}[2J", &on)];
    let shown = render(week((2026, 11, 30)), &entries, utc("2026-12-01T12:00:00Z"), PLAIN);
    assert!(shown.contains("and 3 more accounts") && !shown.contains('\u{1b}'), "{shown}");
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal(
        content in "\\PC{0,200}|[日本語👍\u{200d}\u{fe0f} a]{0,80}",
        handle in "[a-z.日]{1,60}",
        columns in 60_usize..200,
        hours in 0_i64..168,
    ) {
        let monday = Utc.with_ymd_and_hms(2026, 11, 29, 23, 0, 0).unwrap();
        let mut one = entry("2026-12-01T17:30:00Z", "scheduled", &content, &[("mastodon", &handle, None)]);
        one.due_at = monday + chrono::Duration::hours(hours);
        let shown = render(week((2026, 11, 30)), &[one], monday, Screen { columns, ..PLAIN });
        for line in shown.lines() {
            prop_assert!(width(line) <= columns, "{} of {columns}: {line}", width(line));
        }
        prop_assert!(shown.matches('○').count() >= 2, "{}", shown);
    }
}

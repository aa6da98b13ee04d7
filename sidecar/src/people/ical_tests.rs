use proptest::prelude::*;

use super::*;
use crate::people::record::arbitrary;

const BERLIN: Tz = Tz::Europe__Berlin;

fn now() -> DateTime<Utc> {
    "2026-11-30T09:30:00Z".parse().unwrap()
}

/// The only event of a calendar with these lines.
fn event_of(lines: &str) -> Result<Record, String> {
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    let mut found = read(&text, BERLIN);
    assert_eq!((found.len(), found.first().map(|line| line.number)), (1, Some(3)), "{found:?}");
    found.remove(0).record
}

#[test]
fn an_event_as_it_is_written() {
    let record = Record {
        id: "0199".into(),
        at: Some("2026-12-01T08:00:00Z".parse().unwrap()),
        zone: None,
        accounts: vec!["bluesky:alice.test".into(), "mastodon:alice".into()],
        content:
            "Hi, world; a long text that needs to be folded because a line has 75 bytes\nsecond \\n line 日本"
                .into(),
        media: vec![Media { url: "https://a.example/1.png".into(), alt: "A \"cat\"\n".into(), kind: None }],
        tags: vec!["a, b".into(), "c".into()],
        state: "scheduled".into(),
        urls: vec!["https://bsky.app/x".into()],
    };
    let written = write(std::slice::from_ref(&record), now());
    for line in [
        "BEGIN:VCALENDAR\r\n",
        "VERSION:2.0\r\n",
        "PRODID:-//Crier//crierd//EN\r\n",
        "UID:0199\r\n",
        "DTSTAMP:20261130T093000Z\r\n",
        "DTSTART:20261201T080000Z\r\n",
        "SUMMARY:Hi\\, world\\; a long text that needs to be folded",
        "STATUS:CONFIRMED\r\n",
        "URL:https://bsky.app/x\r\n",
        "CATEGORIES:a\\, b,c\r\n",
        "ATTACH:https://a.example/1.png\r\n",
    ] {
        assert!(written.contains(line), "expected {line:?} in\n{written}");
    }
    assert!(written.lines().all(|line| line.len() <= 75), "{written}");
    assert_eq!(read(&written, BERLIN)[0].record, Ok(record));
}

#[test]
fn events_of_other_programs() {
    let at = |start: &str| {
        event_of(&format!("UID:1\r\n{start}\r\nSUMMARY:Hi")).map(|event| event.at.unwrap().to_string())
    };
    let nine = Ok("2026-12-01 08:00:00 UTC".to_owned());
    assert_eq!(at("DTSTART:20261201T080000Z"), nine);
    assert_eq!(at("DTSTART:20261201T090000"), nine);
    assert_eq!(at("DTSTART;TZID=Europe/Paris:20261201T090000"), nine);
    assert_eq!(at("DTSTART;TZID=\"Europe/Paris\":20261201T090000"), nine);
    assert_eq!(at("DTSTART;TZID=/mozilla.org/20050126_1/Europe/Paris:20261201T090000"), nine);
    assert!(at("DTSTART;TZID=W. Europe Standard Time:20261201T090000").unwrap_err().contains("no time zone"));
    assert!(at("DTSTART;VALUE=DATE:20261201").unwrap_err().contains("without a time of day"));
    assert!(at("DTSTART:soon").unwrap_err().contains("\"soon\""));
    assert!(at("DTSTART:20261201T080000Z\r\nRRULE:FREQ=DAILY").unwrap_err().contains("recurs (RRULE)"));

    let event = event_of(
        "UID:x@google.com\nDTSTART:20261201T080000Z\nSTATUS:TENTATIVE\nSUMMARY:Title\nDESCRIPTION:Long \n text\\, with\n \tmore\n\
         ATTACH;FMTTYPE=image/png:https://a.example/1.png\nATTACH:https://a.example/doc.pdf\n\
         BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Reminder\nTRIGGER:-PT10M\nEND:VALARM",
    )
    .unwrap();
    assert_eq!((event.id.as_str(), event.state.as_str()), ("x@google.com", "draft"));
    assert_eq!(event.content, "Long text, with\tmore");
    assert_eq!(
        event.media.iter().map(|media| media.url.as_str()).collect::<Vec<_>>(),
        ["https://a.example/1.png"]
    );
    assert_eq!(event_of("UID:1\nDTSTART:20261201T080000Z\nSUMMARY:Title").unwrap().content, "Title");
    assert_eq!(event_of("UID:1\nSUMMARY:x\nSTATUS:CANCELLED").unwrap().state, "canceled");
}

#[test]
fn a_broken_event_is_named_by_its_line_and_hides_no_other() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261201T080000Z\nSUMMARY:one\nEND:VEVENT\n\
                BEGIN:VEVENT\nUID:2\nthis is no property\nEND:VEVENT\nBEGIN:VEVENT\nUID:3\nBEGIN:VEVENT\r\nUID:4\r\nSUMMARY:four\r\nEND:VEVENT\r\n\
                BEGIN:VEVENT\nUID:5\n";
    let found = read(text, BERLIN);
    let told: Vec<_> =
        found.iter().map(|line| (line.number, line.record.as_ref().err().map(String::as_str))).collect();
    assert_eq!(told.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 7, 11, 13, 17], "{told:?}");
    assert!(told[0].1.is_none() && told[3].1.is_none(), "{told:?}");
    assert!(told[1].1.is_some(), "{told:?}");
    assert!(told[2].1.is_some_and(|why| why.contains("END:VEVENT")), "{told:?}");
    assert!(told[4].1.is_some_and(|why| why.contains("END:VEVENT")), "{told:?}");
    assert!(read("", BERLIN).is_empty() && read("not a calendar", BERLIN).is_empty());
}

#[test]
fn a_time_that_the_clocks_skip_is_noted() {
    let text = "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20270328T023000\nSUMMARY:x\nEND:VEVENT\n";
    let found = read(text, Tz::UTC);
    assert_eq!(found[0].record.as_ref().unwrap().at.unwrap().to_string(), "2027-03-28 01:00:00 UTC");
    assert!(found[0].note.as_ref().is_some_and(|note| note.contains("skip")), "{found:?}");
}

proptest! {
    /// As far as the format goes: whole seconds, one address, its line ends, no control characters.
    #[test]
    fn what_is_written_is_read_again(records in proptest::collection::vec(arbitrary::record(), 0..5)) {
        let expected: Vec<_> = records.iter().map(|record| Record {
            id: record.source_id(),
            at: record.at.map(|at| DateTime::from_timestamp(at.timestamp(), 0).unwrap()),
            zone: None,
            content: lines(&record.content),
            urls: record.urls.first().cloned().into_iter().collect(),
            ..record.clone()
        }).collect();
        let written = write(&records, now());
        // the format recommends 75; the blank that folds a last line may come on top
        prop_assert!(written.lines().all(|line| line.len() <= 76), "{}", written);
        let read: Vec<_> = read(&written, BERLIN).into_iter().map(|line| line.record.unwrap()).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(BEGIN:VEVENT\n)?([A-Z;:=-]{0,20}:\\PC{0,30}\n ?){0,6}(END:VEVENT)?") {
        let _ = read(&text, BERLIN);
    }
}

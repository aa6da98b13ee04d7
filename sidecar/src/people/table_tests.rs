use proptest::prelude::*;

use super::*;
use crate::people::record::arbitrary;

const BERLIN: Tz = Tz::Europe__Berlin;

fn lines(text: &str) -> Vec<Line> {
    read(text, BERLIN).unwrap()
}

fn good(text: &str) -> Record {
    let mut lines = lines(text);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0).record.unwrap()
}

#[test]
fn a_table_as_it_is_written() {
    let record = Record {
        id: "0199".into(),
        at: Some("2026-12-01T08:00:00Z".parse().unwrap()),
        zone: Some(BERLIN),
        accounts: vec!["bluesky:alice.test".into(), "mastodon:alice".into()],
        content: "Hi, \"world\"\nsecond line".into(),
        media: vec![
            Media { url: "https://a.example/1.png".into(), alt: "A cat".into(), kind: None },
            Media { url: "https://a.example/2".into(), alt: String::new(), kind: Some("video".into()) },
        ],
        tags: vec!["launch".into(), "two words".into()],
        state: "scheduled".into(),
        urls: vec![],
    };
    let expected = "id,scheduled_at,zone,accounts,content,media,tags,state,url\r\n\
                    0199,2026-12-01T09:00:00+01:00,Europe/Berlin,bluesky:alice.test mastodon:alice,\"Hi, \"\"world\"\"\nsecond line\",\
                    \"https://a.example/1.png A cat\nvideo https://a.example/2\",\"launch, two words\",scheduled,\r\n";
    let written = write(std::slice::from_ref(&record)).unwrap();
    assert_eq!(written, expected);
    assert_eq!(good(&written), record);
}

#[test]
fn no_cell_is_a_formula() {
    for content in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''@x", "＝1", "'quoted'", "plain"]
    {
        let record = Record { content: content.into(), ..Record::default() };
        let written = write(std::slice::from_ref(&record)).unwrap();
        let cells = csv::Reader::from_reader(written.as_bytes()).records().next().unwrap().unwrap();
        for cell in &cells {
            assert!(!is_formula(cell), "{content:?} became {cell:?}");
        }
        assert_eq!(good(&written).content, content);
    }
    // every column that somebody else may have filled
    let record = Record {
        id: "=1".into(),
        accounts: vec!["@alice".into()],
        tags: vec!["-x".into()],
        state: "+x".into(),
        ..Record::default()
    };
    let written = write(std::slice::from_ref(&record)).unwrap();
    for part in ["'=1,", "'@alice,", "'-x,", "'+x,"] {
        assert!(written.contains(part), "{written}");
    }
    assert_eq!(good(&written), record);
}

#[test]
fn columns_in_any_order_and_with_semicolons() {
    let record =
        good("\u{feff}Content;Scheduled_At;Accounts\r\nHi, there;2026-12-01 09:00;bluesky:a.test\r\n");
    assert_eq!(record.content, "Hi, there");
    assert_eq!(record.at.unwrap().to_string(), "2026-12-01 08:00:00 UTC");
    assert_eq!(good("content\tid\nHi\tx\n").id, "x");
    // the zone of the line wins over that of the command
    let record = good("content,scheduled_at,zone\nHi,2026-12-01 09:00,America/New_York\n");
    assert_eq!(record.at.unwrap().to_string(), "2026-12-01 14:00:00 UTC");
}

#[test]
fn each_bad_line_has_its_number_and_a_reason() {
    let found = lines(
        "id,scheduled_at,content,media,tags,zone\n\
         1,2026-12-01 09:00,\"two\nlines\",,,\n\
         2,tomorrow 9:00,x,,,\n\
         \n\
         3,2026-12-01 09:00,x,[1],,\n\
         4,2026-12-01 09:00,x,,[,\n\
         5,2026-12-01 09:00,x,,,Mars/One\n\
         6,x\n\
         7,2027-03-28 02:30,x,,,\n",
    );
    let told: Vec<_> = found
        .iter()
        .map(|line| (line.number, line.record.as_ref().err().cloned().unwrap_or_default()))
        .collect();
    for ((number, why), (expected, part)) in told.iter().zip([
        (2, ""),
        (4, "scheduled_at is \"tomorrow 9:00\": it is not of the form 2026-12-01 09:00"),
        (6, "media:"),
        (7, "tags:"),
        (8, "no time zone \"Mars/One\""),
        (9, "it has 2 cells, and the first line 6"),
        (10, ""),
    ]) {
        assert!(*number == expected && why.contains(part), "{told:?}");
    }
    assert_eq!(told.len(), 7);
    assert!(found[6].note.as_ref().is_some_and(|note| note.contains("skip")), "{found:?}");
}

#[test]
fn a_table_of_something_else_is_refused() {
    let refusal = |text| read(text, BERLIN).unwrap_err().to_string();
    assert!(refusal("content,when\n").contains("no column \"when\""));
    assert!(refusal("content,content\n").contains("twice"));
    assert!(refusal("id\n").contains("neither"));
    assert!(refusal("").contains("neither"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(records in proptest::collection::vec(arbitrary::record(), 0..5)) {
        // an empty line is none
        let records: Vec<_> = records.into_iter().filter(|record| record.at.is_some()).collect();
        let read: Vec<_> = lines(&write(&records).unwrap()).into_iter().map(|line| line.record.unwrap()).collect();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(id,content,media\n)?\\PC{0,100}\n?\\PC{0,50}") {
        let _ = read(&text, BERLIN);
    }
}

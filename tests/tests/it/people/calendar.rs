//! `crierd calendar`.

use super::Desk;

#[tokio::test]
async fn a_week_as_it_is_read() {
    let desk = Desk::new().await;
    let zone = ["--zone", "Europe/Berlin"];
    for (text, to, at) in [
        (
            "新しい製品 🎉 and a text that is longer than what a line has room for, by far",
            "alice.test",
            "2031-12-03 18:30",
        ),
        ("Good morning,\nworld", "alice.test,bob.test", "2031-12-01 09:00"),
        ("after", "alice.test", "2031-12-08 00:00"),
    ] {
        desk.run(&[&["post", text, "--to", to, "--at", at][..], &zone].concat(), "");
    }
    desk.run(
        &[&["post", "Not yet", "--to", "bob.test", "--draft", "--at", "2031-12-07 23:59"][..], &zone]
            .concat(),
        "",
    );
    let shown = desk.run(&[&["calendar", "--week", "--from", "2031-12-04"][..], &zone].concat(), "");
    let expected = "\
1 – 7 December 2031, Europe/Berlin

Monday 1 December                                                         1 post
  09:00 ○ bluesky:alice.test  Good morning, world
        ○ bluesky:bob.test

Tuesday 2 December                                                       nothing

Wednesday 3 December                                                      1 post
  18:30 ○ bluesky:alice.test  新しい製品 🎉 and a text that is longer than what…

Thursday 4 December                                                      nothing

Friday 5 December                                                        nothing

Saturday 6 December                                                      nothing

Sunday 7 December                                                         1 post
  23:59 - bluesky:bob.test    Not yet

- draft   ○ scheduled
";
    assert_eq!(shown, expected);
    // in another zone it is another day
    let shown = desk.run(&["calendar", "--from", "2031-12-03", "--days", "1", "--zone", "Asia/Tokyo"], "");
    assert!(shown.contains("Wednesday 3 December") && shown.contains("nothing"), "{shown}");
    let shown = desk.run(&["calendar", "--month", "--from", "2031-12-20", "--zone", "UTC"], "");
    assert!(shown.starts_with("1 – 31 December 2031, UTC\n") && shown.matches('○').count() == 5, "{shown}");

    let (other, _) = desk.another().await;
    let refusal = desk.refused(&["calendar"], "");
    assert!(refusal.contains("name it with --workspace"), "{refusal}");
    let shown = desk.run(&["calendar", "--from", "2031-12-01", "--workspace", &other.to_string()], "");
    assert_eq!(shown.matches("nothing").count(), 7, "{shown}");
    let none = "00000000-0000-0000-0000-000000000001";
    assert!(desk.refused(&["calendar", "--workspace", none], "").contains("there is no workspace"));
}

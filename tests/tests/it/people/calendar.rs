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
            "2030-12-04 18:30",
        ),
        ("Good morning,\nworld", "alice.test,bob.test", "2030-12-02 09:00"),
        ("after", "alice.test", "2030-12-09 00:00"),
    ] {
        desk.run(&[&["post", text, "--to", to, "--at", at][..], &zone].concat(), "");
    }
    desk.run(
        &[&["post", "Not yet", "--to", "bob.test", "--draft", "--at", "2030-12-08 23:59"][..], &zone]
            .concat(),
        "",
    );
    let shown = desk.run(&[&["calendar", "--week", "--from", "2030-12-05"][..], &zone].concat(), "");
    let expected = "\
2 – 8 December 2030, Europe/Berlin

Monday 2 December                                                         1 post
  09:00 ○ bluesky:alice.test  Good morning, world
        ○ bluesky:bob.test

Tuesday 3 December                                                       nothing

Wednesday 4 December                                                      1 post
  18:30 ○ bluesky:alice.test  新しい製品 🎉 and a text that is longer than what…

Thursday 5 December                                                      nothing

Friday 6 December                                                        nothing

Saturday 7 December                                                      nothing

Sunday 8 December                                                         1 post
  23:59 - bluesky:bob.test    Not yet

- draft   ○ scheduled
";
    assert_eq!(shown, expected);
    // in another zone it is another day
    let shown = desk.run(&["calendar", "--from", "2030-12-04", "--days", "1", "--zone", "Asia/Tokyo"], "");
    assert!(shown.contains("Wednesday 4 December") && shown.contains("nothing"), "{shown}");
    let shown = desk.run(&["calendar", "--month", "--from", "2030-12-20", "--zone", "UTC"], "");
    assert!(shown.starts_with("1 – 31 December 2030, UTC\n") && shown.matches('○').count() == 5, "{shown}");

    let (other, _) = desk.another().await;
    let refusal = desk.refused(&["calendar"], "");
    assert!(refusal.contains("name it with --workspace"), "{refusal}");
    let shown = desk.run(&["calendar", "--from", "2030-12-02", "--workspace", &other.to_string()], "");
    assert_eq!(shown.matches("nothing").count(), 7, "{shown}");
    let none = "00000000-0000-0000-0000-000000000001";
    assert!(desk.refused(&["calendar", "--workspace", none], "").contains("there is no workspace"));
}

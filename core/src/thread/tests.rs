use super::*;
use crate::platform::bluesky::PLATFORM as BLUESKY;
use crate::platform::instagram::PLATFORM as INSTAGRAM;
use crate::platform::mastodon::PLATFORM as MASTODON;
use crate::platform::x::PLATFORM as X;

fn piece(content: &str) -> Piece {
    Piece { content: content.into(), media: no_media() }
}

fn image() -> Value {
    json!([{ "url": "https://a.example/a.jpg" }])
}

/// A draft with a text alone.
fn draft(content: &str) -> Draft<'_> {
    static NONE: Value = Value::Array(vec![]);
    Draft { content, media: &NONE, thread: &[], first_comment: None, split: false }
}

fn refused(platform: &'static Platform, draft: &Draft<'_>, settings: Value) -> Vec<String> {
    let refusals = parts(platform, draft, &settings).unwrap_err();
    refusals.iter().map(ToString::to_string).collect()
}

#[test]
fn a_post_alone_is_one_part_without_anything_of_its_own() {
    let alone = Part { content: None, answers: None, is_comment: false };
    assert_eq!(parts(&BLUESKY, &draft("hello"), &json!({})), Ok(vec![alone]));
}

#[test]
fn each_part_answers_the_one_before_and_the_comment_the_first() {
    let thread = [piece("two"), piece("three")];
    let draft = Draft { thread: &thread, first_comment: Some("thanks"), ..draft("one") };
    let found = parts(&X, &draft, &json!({})).unwrap();
    assert_eq!(found.iter().map(|part| part.answers).collect::<Vec<_>>(), [None, Some(0), Some(1), Some(0)]);
    assert_eq!(found[3].content.as_deref(), Some("thanks"));
    assert!(found.iter().all(|part| !part.is_comment), "an answer on X is a post");
}

#[test]
fn a_long_text_is_split_where_it_is_too_long_and_nowhere_else() {
    let text = "One sentence of some length. ".repeat(12);
    let draft = Draft { split: true, ..draft(&text) };
    let found = parts(&BLUESKY, &draft, &json!({})).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found[1].content.as_ref().unwrap().ends_with(" 2/2"), "{found:?}");
    assert_eq!(parts(&MASTODON, &draft, &json!({})).unwrap().len(), 1);
    // a warning counts with every part
    let warned = parts(&MASTODON, &draft, &json!({ "spoiler_text": "w".repeat(200) })).unwrap();
    assert_eq!(warned.len(), 2);
    let very_long = "Word. ".repeat(3_000);
    let draft = Draft { split: true, ..super::tests::draft(&very_long) };
    assert!(refused(&BLUESKY, &draft, json!({}))[0].contains("at most 25"));
    let link = format!("https://a.example/{}", "a".repeat(300));
    let draft = Draft { split: true, ..super::tests::draft(&link) };
    assert!(refused(&BLUESKY, &draft, json!({}))[0].contains("can't be split"));
}

#[test]
fn a_platform_without_answers_has_neither_threads_nor_comments() {
    static MUTE: Platform = Platform { name: "mute", answers: Answers::None, ..BLUESKY };
    let thread = [piece("two")];
    let found =
        refused(&MUTE, &Draft { thread: &thread, first_comment: Some("three"), ..draft("one") }, json!({}));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("no threads") && found[1].contains("no comments under its posts"), "{found:?}");
    let long = "word ".repeat(100);
    assert!(refused(&MUTE, &Draft { split: true, ..draft(&long) }, json!({}))[0].contains("graphemes"));
}

#[test]
fn every_refusal_names_its_part() {
    let long = "a".repeat(301);
    let thread = [piece(""), piece(&long), Piece { content: String::new(), media: json!({}) }];
    let draft = Draft { thread: &thread, first_comment: Some(""), ..draft(&long) };
    let found = refused(&BLUESKY, &draft, json!({}));
    assert_eq!(found.len(), 5, "{found:?}");
    for (refusal, begins) in found.iter().zip([
        "the text has 301",
        "part 1: the post has",
        "part 2: the text has 301",
        "part 3: media must",
        "the first comment: ",
    ]) {
        assert!(refusal.starts_with(begins), "{refusal}");
    }
}

#[test]
fn only_the_first_part_has_a_poll_and_answers_another_post() {
    let settings =
        json!({ "poll": { "options": ["a", "b"], "minutes": 5 }, "reply_to": "1790", "made_with_ai": true });
    assert_eq!(X.later_settings(&settings), json!({ "made_with_ai": true }));
    let thread = [Piece { content: "two".into(), media: json!([{ "url": "https://a.example/a.png" }]) }];
    assert!(parts(&X, &Draft { thread: &thread, ..draft("one") }, &settings).is_ok());
}

#[test]
fn instagram_has_comments_and_no_threads() {
    let image = image();
    let thread = [piece("two")];
    let post = Draft { media: &image, ..draft("one") };
    let found = parts(&INSTAGRAM, &Draft { first_comment: Some("#a #b"), ..post }, &json!({})).unwrap();
    assert_eq!(found.iter().map(|part| part.is_comment).collect::<Vec<_>>(), [false, true]);
    assert!(refused(&INSTAGRAM, &Draft { thread: &thread, ..post }, json!({}))[0].contains("no threads"));
    for (comment, reason) in [
        ("a".repeat(301), "301 characters"),
        ("#a #b #c #d #e".into(), "5 hashtags"),
        ("https://a.com https://b.com".into(), "2 links"),
        ("BUY NOW".into(), "capital letters"),
        (" ".into(), "neither text nor media"),
    ] {
        let found = refused(&INSTAGRAM, &Draft { first_comment: Some(&comment), ..post }, json!({}));
        assert!(found[0].starts_with("the first comment: ") && found[0].contains(reason), "{found:?}");
    }
    let story =
        refused(&INSTAGRAM, &Draft { first_comment: Some("hi"), ..post }, json!({ "placement": "story" }));
    assert!(story[0].contains("no comments under a story"), "{story:?}");
}

#[test]
fn a_comment_by_itself_is_text_alone() {
    let settings = json!({ "reply_to": "18001" });
    let found = parts(&INSTAGRAM, &draft("nice"), &settings).unwrap();
    assert!(found[0].is_comment);
    let image = image();
    assert!(
        refused(&INSTAGRAM, &Draft { media: &image, ..draft("nice") }, settings.clone())[0]
            .contains("text alone")
    );
    let more = json!({ "reply_to": "18001", "placement": "feed" });
    assert!(refused(&INSTAGRAM, &draft("nice"), more)[0].contains("text alone"));
    let comment = Draft { first_comment: Some("more"), ..draft("nice") };
    assert!(refused(&INSTAGRAM, &comment, settings)[0].contains("under a comment"));
    assert!(refused(&INSTAGRAM, &draft("nice"), json!({ "reply_to": "x" }))[0].contains("names no post"));
}

#[test]
fn texts_are_counted_as_the_platform_counts_them() {
    let counts = |platform, draft: &Draft<'_>, settings: Value| {
        let found = lengths(platform, draft, &settings).into_iter();
        found.map(|one| format!("{} {}/{} {}", one.of, one.found, one.limit, one.unit)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&BLUESKY, &draft("👨‍👩‍👧‍👧!"), json!({})), ["part 0 2/300 graphemes"]);
    // a content warning takes some of the room
    assert_eq!(
        counts(&MASTODON, &draft("hello"), json!({"spoiler_text": "1234"})),
        ["part 0 5/496 characters"]
    );
    let thread = [piece("two")];
    let all = Draft { thread: &thread, first_comment: Some("thanks"), ..draft("one") };
    assert_eq!(
        counts(&BLUESKY, &all, json!({})),
        ["part 0 3/300 graphemes", "part 1 3/300 graphemes", "first_comment 6/300 graphemes"]
    );
    let long = "word ".repeat(100);
    let split = Draft { split: true, ..draft(&long) };
    let pieces = lengths(&BLUESKY, &split, &json!({}));
    assert_eq!(pieces.len(), parts(&BLUESKY, &split, &json!({})).unwrap().len());
    assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.found <= piece.limit), "{pieces:?}");
}

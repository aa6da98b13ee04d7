use super::*;
use proptest::prelude::*;

/// The parts of a text as `(slice, meaning)`.
fn found(text: &str) -> Vec<(&str, String)> {
    parts(text)
        .into_iter()
        .map(|part| {
            let meaning = match part.meaning {
                Meaning::Link { uri } => uri,
                Meaning::Mention { handle } => format!("@{handle}"),
                Meaning::Tag { tag } => format!("#{tag}"),
            };
            (&text[part.range], meaning)
        })
        .collect()
}

fn check(text: &str, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(slice, meaning)| (*slice, (*meaning).to_owned())).collect();
    assert_eq!(found(text), expected, "{text:?}");
}

#[test]
fn links_end_where_their_sentence_goes_on() {
    check("see https://a.example/x, now", &[("https://a.example/x", "https://a.example/x")]);
    check("(https://a.example/x).", &[("https://a.example/x", "https://a.example/x")]);
    check("https://a.example/x_(y)!", &[("https://a.example/x_(y)", "https://a.example/x_(y)")]);
    check("“https://a.example/?q=1&b=é”", &[("https://a.example/?q=1&b=é", "https://a.example/?q=1&b=é")]);
    check("HTTPS://A.example/", &[("HTTPS://A.example/", "HTTPS://A.example/")]);
    check("http://a.example/#part", &[("http://a.example/#part", "http://a.example/#part")]);
    check("见https://a.example", &[]);
    check("https:// http://", &[]);
    check("https://user:pass@a.example/", &[]);
    check("https://[", &[]);
}

#[test]
fn bare_domains_are_links_only_where_they_look_like_one() {
    check("go to bsky.app/profile?x=1.", &[("bsky.app/profile?x=1", "https://bsky.app/profile?x=1")]);
    check("Example.COM", &[("Example.COM", "https://Example.COM")]);
    check("a.b-c.co.uk:8080/x", &[("a.b-c.co.uk:8080/x", "https://a.b-c.co.uk:8080/x")]);
    for text in
        ["e.g. this", "main.rs", "v1.2", "3.14", "a..com", "-a.com", "me@a.com", "a.com@b", ".com", "x.test"]
    {
        check(text, &[]);
    }
}

#[test]
fn mentions_are_handles() {
    check(
        "hi @alice.test, @Bob.bsky.social!",
        &[("@alice.test", "@alice.test"), ("@Bob.bsky.social", "@bob.bsky.social")],
    );
    check("(@a.b.c).", &[("@a.b.c", "@a.b.c")]);
    check("@alice.test's", &[("@alice.test", "@alice.test")]);
    check("@alice.test.", &[("@alice.test", "@alice.test")]);
    for text in ["@", "@alice", "@.test", "@alice.", "a@b.test", "@a..b", "@a.1", "@-a.test", "＠a.test"] {
        check(text, &[]);
    }
}

#[test]
fn tags_are_words() {
    check(
        "#rust #Überraschung #日本語。",
        &[("#rust", "#rust"), ("#Überraschung", "#Überraschung"), ("#日本語", "#日本語")],
    );
    check("＃全角", &[("＃全角", "#全角")]);
    check("#1a #🔥 #a_b_ #c++", &[("#1a", "#1a"), ("#🔥", "#🔥"), ("#a_b", "#a_b"), ("#c++", "#c++")]);
    check("#a#b", &[("#a", "#a")]);
    for text in ["#", "##", "#1", "#2024", "#️⃣", "#!", "a#b", "#..."] {
        check(text, &[]);
    }
    let longest = format!("#{}", "é".repeat(64));
    check(&longest, &[(&longest, &longest)]);
    check(&format!("#{}", "é".repeat(65)), &[]);
    // 26 families are 26 graphemes, but 650 bytes
    check(&format!("#{}", "👨‍👩‍👧‍👧".repeat(26)), &[]);
}

#[test]
fn offsets_are_bytes_of_utf_8() {
    // The vectors of the AT Protocol's own tests: what stands before takes more bytes than characters.
    let text = "👨‍👩‍👧‍👧 @a.test é https://b.example #日本";
    let spans: Vec<_> = parts(text).iter().map(|part| (part.range.start, part.range.end)).collect();
    assert_eq!(spans, [(26, 33), (37, 54), (55, 62)]);
}

proptest! {
    /// Every part lies on boundaries of characters, after the one before it, and says what stands there.
    #[test]
    fn parts_are_slices_in_order(text in r"(\PC|[ \n(#@.:/]|https?://|#|@|\.com|é|👨‍👩‍👧|\u{200d}){0,60}") {
        let mut last = 0;
        for part in parts(&text) {
            prop_assert!(part.range.start >= last && part.range.end > part.range.start);
            last = part.range.end;
            let slice = text.get(part.range.clone());
            prop_assert!(slice.is_some(), "{:?} cuts a character of {:?}", part, text);
            let slice = slice.unwrap_or_default();
            match part.meaning {
                Meaning::Link { uri } => {
                    let bare = uri.strip_prefix("https://") == Some(slice);
                    prop_assert!(uri == slice || bare);
                }
                Meaning::Mention { handle } => prop_assert_eq!(format!("@{handle}"), slice.to_ascii_lowercase()),
                Meaning::Tag { tag } => {
                    prop_assert!(slice.ends_with(&tag) && tag.len() <= 640 && graphemes(&tag) <= 64);
                    prop_assert!(slice.strip_suffix(&*tag).is_some_and(|sign| sign == "#" || sign == "＃"));
                }
            }
        }
    }
}

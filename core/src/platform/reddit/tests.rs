//! What is accepted, and what is said of what is not.

use super::*;
use crate::validate;
use serde_json::json;

fn refused(content: &str, media: Value, value: Value) -> Vec<String> {
    validate::post(&PLATFORM, content, &media, &value).iter().map(ToString::to_string).collect()
}

fn titled(more: Value) -> Value {
    let mut settings = json!({"subreddit": "rust", "title": "A title"});
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}

#[test]
fn settings_are_read_and_checked() {
    let all = json!({"subreddit": "u_alice-b", "title": "t".repeat(300), "link": "https://a.example/ü?x=1", "resubmit": true,
                     "flair_id": "17bf09c4-520c-11e7-8073-0ef8adb5ef68", "flair_text": "é".repeat(64), "nsfw": true,
                     "spoiler": true, "send_replies": false});
    assert_eq!(settings(&all).map(|_| ()), Ok(()));
    for (bad, why) in [
        (json!({}), "subreddit"),
        (json!({"title": "t", "subreddit": "r/rust"}), "\"r/rust\""),
        (json!({"title": "t", "subreddit": "ab"}), "\"ab\""),
        (json!({"title": "t", "subreddit": "a".repeat(22)}), "subreddit"),
        (json!({"title": "t", "subreddit": "_ab"}), "subreddit"),
        (json!({"title": "t", "subreddit": "rust&sr=x"}), "subreddit"),
        (json!({"subreddit": "rust"}), "need a title"),
        (json!({"subreddit": "rust", "title": " \n"}), "need a title"),
        (json!({"subreddit": "rust", "title": "one\ntwo"}), "one line"),
        (titled(json!({"link": "javascript:x"})), "link"),
        (titled(json!({"link": "https://a b"})), "link"),
        (titled(json!({"resubmit": true})), "only a link"),
        (titled(json!({"flair_id": "a b"})), "flair_id"),
        (titled(json!({"flair_text": "news"})), "without the flair_id"),
        (titled(json!({"flair_id": "1", "flair_text": "x".repeat(65)})), "65 characters; at most 64"),
        (titled(json!({"poster": "http://a.example/x.png"})), "poster"),
        (titled(json!({"kind": "self"})), "kind"),
        (json!({"reply_to": "t5_2qh1i"}), "t3_1abcde"),
    ] {
        let refused = settings(&bad).expect_err("refused");
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn a_title_that_is_too_long_says_by_how_much_and_where() {
    let of = |title: String| refused("", json!([]), json!({"subreddit": "rust", "title": title}));
    assert!(of("é".repeat(300)).is_empty());
    let said = "the settings for reddit have a title of 302 characters; at most 300 are accepted; what is too much begins \
                with character 301: \"xy\"";
    assert_eq!(of("é".repeat(300) + "xy"), [said]);
}

#[test]
fn texts_at_the_limit_are_taken_and_those_past_it_are_not() {
    let of = |text: String, value: Value| refused(&text, json!([]), value);
    assert!(of("é".repeat(40_000), titled(json!({}))).is_empty());
    let said = "the text has 40001 characters; reddit accepts at most 40000; what is too much begins with character 40001: \"é\"";
    assert_eq!(of("é".repeat(40_001), titled(json!({}))), [said]);
    let reply = || json!({"reply_to": "t3_1abcde"});
    assert!(of("é".repeat(10_000), reply()).is_empty());
    assert_eq!(of("é".repeat(10_001), reply()).len(), 1);
    assert_eq!(of(String::new(), reply()).len(), 1, "a comment has a text");
}

#[test]
fn a_title_is_enough() {
    assert!(refused("", json!([]), titled(json!({}))).is_empty());
    assert!(refused("", json!([]), titled(json!({"link": "https://a.example/"}))).is_empty());
    assert!(refused("", json!([{"url": "https://a.example/a.png"}]), titled(json!({}))).is_empty());
}

#[test]
fn a_post_is_a_text_a_link_images_or_a_video() {
    let (image, video) =
        (json!({"url": "https://a.example/a.png"}), json!({"url": "https://a.example/a.mp4"}));
    let poster = titled(json!({"poster": "https://a.example/p.png"}));
    let link = titled(json!({"link": "https://a.example/"}));
    let shape = |media: &Value, value: &Value| {
        let media = crate::media::parse(media).expect("media");
        Shape::of(&media, &settings(value).expect("settings"))
    };
    for (media, value, is) in [
        (json!([]), titled(json!({})), Shape::Text),
        (json!([]), link.clone(), Shape::Link),
        (json!([image]), titled(json!({})), Shape::Image),
        (Value::from(vec![image.clone(); 20]), titled(json!({})), Shape::Gallery),
        (json!([video]), poster.clone(), Shape::Video),
    ] {
        assert_eq!(shape(&media, &value), is, "{media}");
        assert_eq!(refused("hi", media.clone(), value), Vec::<String>::new(), "{media}");
    }
    for (media, value, why) in [
        (json!([image]), link, "one or the other"),
        (json!([video]), titled(json!({})), "need a poster"),
        (json!([image]), poster.clone(), "only a video"),
        (json!([video, video]), poster.clone(), "2 videos"),
        (json!([video, image]), poster.clone(), "only one of them"),
        (Value::from(vec![image.clone(); 21]), titled(json!({})), "21 images"),
        (json!([{"url": "data:image/webp;base64,AAAA"}]), titled(json!({})), "image/webp"),
    ] {
        let refused = refused("hi", media.clone(), value);
        assert!(refused.len() == 1 && refused[0].contains(why), "{media}: {refused:?}");
    }
}

#[test]
fn the_caption_of_an_image_is_counted_in_a_gallery() {
    let image = |alt: usize| json!({"url": "https://a.example/a.png", "alt": "é".repeat(alt)});
    assert!(refused("", json!([image(180), image(180)]), titled(json!({}))).is_empty());
    let long = refused("", json!([image(1), image(181)]), titled(json!({})));
    assert!(long.len() == 1 && long[0].contains("of image 2 of 181 characters; at most 180"), "{long:?}");
    assert!(
        refused("", json!([image(181)]), titled(json!({}))).is_empty(),
        "nobody sees it of a single image"
    );
}

#[test]
fn posts_and_comments_are_named_by_themselves_and_by_their_addresses() {
    for (text, name) in [
        ("t3_1abcde", "t3_1abcde"),
        ("t1_k2fghij", "t1_k2fghij"),
        ("https://redd.it/1abcde", "t3_1abcde"),
        ("https://www.reddit.com/r/rust/comments/1abcde/a_title/", "t3_1abcde"),
        ("https://old.reddit.com/r/rust/comments/1abcde/?sort=new", "t3_1abcde"),
        ("https://www.reddit.com/user/alice/comments/1abcde/a_title", "t3_1abcde"),
        ("https://www.reddit.com/comments/1abcde", "t3_1abcde"),
        ("https://www.reddit.com/r/rust/comments/1abcde/a_title/k2fghij/?context=3", "t1_k2fghij"),
        ("https://www.reddit.com/r/rust/comments/1abcde/comment/k2fghij/", "t1_k2fghij"),
        ("https://www.reddit.com/comments/1abcde/_/k2fghij/", "t1_k2fghij"),
    ] {
        assert_eq!(thing(text).as_deref(), Some(name), "{text}");
    }
    for odd in [
        "",
        "1abcde",
        "t3_",
        "t3_1ABC",
        "t5_2qh1i",
        "https://redd.it/",
        "https://redd.it/a/b",
        "https://www.reddit.com/r/rust",
        "https://www.reddit.com/r/rust/comments/",
        "https://www.reddit.com.evil.example/comments/1abcde",
        "https://www.reddit.com/r/rust/comments/1abcde/a/b/c",
    ] {
        assert_eq!(thing(odd), None, "{odd}");
    }
}

use serde_json::{Value, json};

use super::*;
use crate::validate::{self, Violation};

const VIDEO: &str = "https://a.example/a.mp4";

fn refused(content: &str, media: &[&str], settings: &Value) -> Vec<String> {
    let media: Vec<_> = media.iter().map(|url| json!({ "url": url })).collect();
    let found = validate::post(&PLATFORM, content, &json!(media), settings);
    found.iter().map(Violation::to_string).collect()
}

fn to_all() -> Value {
    json!({ "privacy_level": "PUBLIC_TO_EVERYONE" })
}

/// What is said against a post with these settings besides the privacy.
fn with(media: &[&str], more: &Value) -> Vec<String> {
    let mut settings = to_all();
    for (name, value) in more.as_object().expect("settings") {
        settings[name] = value.clone();
    }
    refused("hi", media, &settings)
}

#[test]
fn whoever_posts_chooses_who_sees_it() {
    for level in ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"] {
        assert_eq!(refused("hi", &[VIDEO], &json!({ "privacy_level": level })), [""; 0], "{level}");
        let privacy: Privacy = serde_json::from_value(json!(level)).expect("a level");
        assert_eq!(privacy.as_str(), level);
    }
    for odd in [json!({}), json!({ "privacy_level": "public" }), json!({ "privacy_level": null })] {
        assert_eq!(refused("hi", &[VIDEO], &odd).len(), 1, "{odd}");
    }
    assert!(refused("hi", &[VIDEO], &json!({}))[0].contains("need a privacy_level"));
    let private = json!({ "privacy_level": "SELF_ONLY", "brand_content_toggle": true });
    assert!(refused("hi", &[VIDEO], &private)[0].contains("can't be private"));
}

#[test]
fn texts_are_counted_in_units_and_where_they_are_too_long_is_said() {
    let wave = "\u{1f30a}";
    assert_eq!(refused(&wave.repeat(1_100), &[VIDEO], &to_all()), [""; 0]);
    let long = refused(&format!("{}xyz", wave.repeat(1_100)), &[VIDEO], &to_all());
    assert!(long[0].contains("2200 units") && long[0].contains("has 2203"), "{long:?}");
    assert!(long[0].contains("1101") && long[0].contains("xyz"), "expected the place: {long:?}");

    let photo = ["https://a.example/a.jpg"];
    assert_eq!(refused(&wave.repeat(2_000), &photo, &to_all()), [""; 0]);
    let long = refused(&wave.repeat(2_001), &photo, &to_all());
    assert!(long[0].contains("4002") && long[0].contains("4000"), "{long:?}");
    assert_eq!(with(&photo, &json!({ "title": wave.repeat(45) })), [""; 0]);
    let long = with(&photo, &json!({ "title": format!("{}x", wave.repeat(45)) }));
    assert!(long[0].contains("91 units of UTF-16; at most 90"), "{long:?}");
}

#[test]
fn photos_are_fetched_and_are_jpeg_or_webp() {
    let photos = vec!["https://a.example/a.webp?x=.png"; 35];
    assert_eq!(refused("hi", &photos, &to_all()), [""; 0]);
    assert_eq!(refused("hi", &[&photos[..], &["https://a.example/b"]].concat(), &to_all()).len(), 1);
    let png = refused("hi", &["https://a.example/a", "https://a.example/a.PNG#x"], &to_all());
    assert!(png[0].contains("image 2, which is a .png"), "{png:?}");
    let carried = refused("hi", &["data:image/jpeg;base64,AAAA"], &to_all());
    assert!(carried[0].contains("image 1, which is a data: address"), "{carried:?}");
    assert_eq!(refused("hi", &["data:video/mp4;base64,AAAA"], &to_all()), [""; 0]);
    assert_eq!(refused("hi", &[], &to_all()).len(), 1);
    assert_eq!(refused("hi", &[VIDEO, "https://a.example/a.jpg"], &to_all()).len(), 1);
    assert_eq!(refused("hi", &[VIDEO, VIDEO], &to_all()).len(), 1);
}

#[test]
fn what_would_have_no_effect_is_refused() {
    let photos = ["https://a.example/a.jpg", "https://a.example/b.jpg"];
    let video = json!({ "disable_duet": true, "disable_stitch": false, "video_cover_timestamp_ms": 1_000, "is_aigc": true,
                        "disable_comment": true, "brand_organic_toggle": true });
    assert_eq!(with(&[VIDEO], &video), [""; 0]);
    for (name, value) in [
        ("disable_duet", json!(false)),
        ("disable_stitch", json!(true)),
        ("video_cover_timestamp_ms", json!(0)),
        ("is_aigc", json!(true)),
    ] {
        let found = with(&photos, &json!({ (name): value }));
        assert!(found.len() == 1 && found[0].contains(name), "{name}: {found:?}");
    }
    assert_eq!(
        with(&photos, &json!({ "title": "t", "auto_add_music": true, "photo_cover_index": 1 })),
        [""; 0]
    );
    for (name, value) in
        [("title", json!("t")), ("auto_add_music", json!(false)), ("photo_cover_index", json!(0))]
    {
        let found = with(&[VIDEO], &json!({ (name): value }));
        assert!(found.len() == 1 && found[0].contains(name), "{name}: {found:?}");
    }
    let cover = with(&photos, &json!({ "photo_cover_index": 2 }));
    assert!(cover[0].contains("photo_cover_index of 2") && cover[0].contains("2 photos"), "{cover:?}");
    assert!(with(&photos, &json!({ "Title": "t" }))[0].contains("Title"));
}

#[test]
fn a_draft_is_finished_in_the_app() {
    let photos = ["https://a.example/a.jpg"];
    let draft = json!({ "draft": true });
    assert_eq!(refused("", &[VIDEO], &draft), [""; 0]);
    assert_eq!(
        refused("hi", &photos, &json!({ "draft": true, "title": "t", "photo_cover_index": 0 })),
        [""; 0]
    );
    let captioned = refused("hi", &[VIDEO], &draft);
    assert!(
        captioned[0].contains("takes no caption") && captioned[0].contains("has 2 units"),
        "{captioned:?}"
    );
    for (name, value) in [
        ("privacy_level", json!("SELF_ONLY")),
        ("disable_comment", json!(true)),
        ("brand_organic_toggle", json!(true)),
        ("auto_add_music", json!(true)),
    ] {
        let found = refused("hi", &photos, &json!({ "draft": true, (name): value }));
        assert!(found.len() == 1 && found[0].contains("and draft"), "{name}: {found:?}");
    }
    assert_eq!(refused("", &[VIDEO], &json!({ "draft": true, "is_aigc": true })).len(), 1);
}

#[test]
fn posts_have_numbers() {
    assert!(
        is_post("7123456789012345678") && !is_post("") && !is_post("v_pub_file~v2-1.1") && !is_post("1/2")
    );
}

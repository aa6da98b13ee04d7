//! What the form of a post brings, as the arguments of SQL.

use serde_json::{Value, json};

use crate::http::dashboard::access::Asked;
use crate::http::dashboard::calls::given;
use crate::http::dashboard::fields::Fields;
use crate::http::dashboard::filled::{Problem, lines, words};
use crate::http::dashboard::times;

pub(super) fn arguments(asked: &Asked, form: &Fields) -> Result<Value, Problem> {
    let at = form.get("at").filter(|_| form.get("when") != Some("now"));
    let at = at.map(|text| times::read(text, asked.zone())).transpose();
    let at = at.map_err(|words| Problem::at("at", words))?;
    let mut arguments = given([
        ("workspace_id", Some(&asked.workspace.id.to_string())),
        ("scheduled_at", at.map(|at| at.to_rfc3339()).as_deref()),
        ("first_comment", form.get("first_comment").map(lines).as_deref()),
    ]);
    arguments["content"] = json!(lines(form.all("content").next().unwrap_or_default()));
    arguments["accounts"] = json!(form.all("account").collect::<Vec<_>>());
    arguments["tags"] = json!(words(form.get("tags").unwrap_or_default()));
    arguments["draft"] = json!(form.get("draft").is_some());
    arguments["next_slot"] = json!(form.get("when") == Some("slot"));
    arguments["media"] = media(form)?;
    arguments["thread"] = json!(parts(form).map(lines).collect::<Vec<_>>());
    arguments["split"] = json!(form.get("split").is_some());
    if let Some(settings) = form.get("settings") {
        arguments["settings"] = object(settings)?;
    }
    Ok(arguments)
}

/// The parts that follow the text.
pub(super) fn parts(form: &Fields) -> impl Iterator<Item = &str> {
    form.all("part").filter(|part| !part.trim().is_empty())
}

/// The files, each an address and the words for those who don't see it.
pub(super) fn files(form: &Fields) -> Vec<(&str, &str)> {
    let all = form.all("media_url").zip(form.all("media_alt"));
    all.map(|(url, alt)| (url.trim(), alt.trim()))
        .filter(|(url, alt)| !(url.is_empty() && alt.is_empty()))
        .collect()
}

fn media(form: &Fields) -> Result<Value, Problem> {
    let mut media = Vec::new();
    for (url, alt) in files(form) {
        if url.is_empty() {
            return Err(Problem::at("media", "A description stands without the address of its file."));
        }
        let mut file = json!({ "url": url });
        if !alt.is_empty() {
            file["alt"] = json!(alt);
        }
        media.push(file);
    }
    Ok(json!(media))
}

fn object(text: &str) -> Result<Value, Problem> {
    let read: Result<Value, _> = serde_json::from_str(text);
    match read {
        Ok(settings) if settings.is_object() => Ok(settings),
        Ok(_) => Err(Problem::at(
            "settings",
            "It must be an object by platform, like {\"mastodon\": {\"visibility\": \"unlisted\"}}.",
        )),
        Err(error) => Err(Problem::at("settings", format!("It is no JSON: {error}."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::dashboard::access::tests::asked;

    #[test]
    fn a_form_is_read_on_the_clocks_of_the_zone() {
        let form = Fields::of(
            "content=a%0D%0Ab&account=1&account=2&when=at&at=2026-12-01T09:00&tags=x,+y,,&draft=1\
             &media_url=https://a.example/1.png&media_alt=one&media_url=+https://a.example/2.png&media_alt=\
             &media_url=&media_alt=&part=&part=two%0D%0Alines&part=three&first_comment=c&split=1&settings=%7B%22x%22:%7B%7D%7D",
        );
        let read = arguments(&asked("editor"), &form).unwrap();
        assert_eq!(read["scheduled_at"], "2026-12-01T08:00:00+00:00");
        assert_eq!((&read["content"], &read["tags"]), (&json!("a\nb"), &json!(["x", "y"])));
        assert_eq!((&read["accounts"], &read["draft"]), (&json!(["1", "2"]), &json!(true)));
        let media =
            json!([{ "url": "https://a.example/1.png", "alt": "one" }, { "url": "https://a.example/2.png" }]);
        assert_eq!((&read["media"], &read["thread"]), (&media, &json!(["two\nlines", "three"])));
        assert_eq!((&read["settings"], &read["split"]), (&json!({ "x": {} }), &json!(true)));
        assert_eq!(read["first_comment"], "c");
        let now = arguments(&asked("editor"), &Fields::of("content=a&when=now&at=2026-12-01T09:00")).unwrap();
        assert!(now.get("scheduled_at").is_none() && now["next_slot"] == json!(false));
        assert!(
            now.get("settings").is_none() && now.get("first_comment").is_none() && now["media"] == json!([])
        );
    }

    #[test]
    fn what_can_not_be_read_is_told_at_its_field() {
        for (form, field) in [
            ("when=at&at=soon", "at"),
            ("settings=%7B", "settings"),
            ("settings=%5B%5D", "settings"),
            ("media_url=&media_alt=a+cat", "media"),
        ] {
            assert_eq!(
                arguments(&asked("editor"), &Fields::of(form)).unwrap_err().field,
                Some(field),
                "{form}"
            );
        }
    }
}

//! What the form of a schedule brings, as the arguments of SQL; and a schedule as the form has it.

use serde_json::{Value, json};

use crate::http::dashboard::access::Asked;
use crate::http::dashboard::calls::given;
use crate::http::dashboard::data::Schedule;
use crate::http::dashboard::fields::Fields;
use crate::http::dashboard::filled::{Problem, lines, words};
use crate::http::dashboard::times;

/// The days of the week, as SQL names them and as people do.
pub(super) const DAYS: [(&str, &str); 7] = [
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
];

/// The form of a schedule that nobody has thought of.
pub(super) fn empty(asked: &Asked) -> Fields {
    let fields = [
        ("repeats", "daily".to_owned()),
        ("times", "09:00".to_owned()),
        ("every", "1".to_owned()),
        ("starts", times::field(asked.now, asked.zone())),
        ("zone", asked.zone().name().to_owned()),
    ];
    Fields(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

/// The form of one that is there.
pub(super) fn of(schedule: &Schedule) -> Fields {
    let template = &schedule.template;
    let texts = |name: &str| template[name].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut fields: Vec<(&str, String)> = vec![
        ("name", schedule.name.clone().unwrap_or_default()),
        ("content", template["content"].as_str().unwrap_or_default().to_owned()),
        ("tags", texts("tags").collect::<Vec<_>>().join(", ")),
        ("starts", schedule.starts.format(times::FIELD).to_string()),
        ("ends", schedule.ends.map(|ends| ends.format(times::FIELD).to_string()).unwrap_or_default()),
        ("zone", schedule.zone.clone()),
        ("rest", schedule.item_rest.as_deref().and_then(days).unwrap_or_default().to_owned()),
    ];
    fields.extend(texts("accounts").map(|account| ("account", account.to_owned())));
    fields.extend(repeats(schedule.rule.as_deref()));
    Fields(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// `7 days` as a number of them; what the form can't say stays as it is.
fn days(rest: &str) -> Option<&str> {
    rest.strip_suffix(" days").or_else(|| rest.strip_suffix(" day"))
}

/// A rule as the fields have it: the plain form by days and times, any other as it is.
fn repeats(rule: Option<&str>) -> Vec<(&'static str, String)> {
    let Some(rule) = rule else { return vec![("repeats", "once".into())] };
    let plain: Value = serde_json::from_str(rule).unwrap_or_default();
    let joined = |times: &Value| {
        times.as_array().map(|times| times.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
    };
    let every = plain["every"].as_u64().unwrap_or(1).to_string();
    if let Some(times) = joined(&plain["daily"]) {
        return vec![("repeats", "daily".into()), ("times", times), ("every", every)];
    }
    let weekly = plain["weekly"].as_object().filter(|weekly| {
        // days with times of their own the form can't say
        let mut all = weekly.values();
        let first = all.next();
        first.is_some() && all.all(|times| Some(times) == first)
    });
    match weekly {
        Some(weekly) => {
            let times = weekly.values().next().and_then(joined).unwrap_or_default();
            let mut fields = vec![("repeats", "weekly".into()), ("times", times), ("every", every)];
            fields.extend(weekly.keys().map(|day| ("day", day.clone())));
            fields
        }
        None => vec![("repeats", "rule".into()), ("rule", rule.to_owned())],
    }
}

/// What SQL takes: of a new schedule, or of what becomes of an old one.
pub(super) fn arguments(asked: &Asked, form: &Fields, old: Option<&Schedule>) -> Result<Value, Problem> {
    let rule = rule(form)?;
    let is_queue = old.map_or(form.get("queue").is_some(), |old| old.kind == "evergreen");
    let rest = form.get("rest").filter(|_| is_queue).map(|days| format!("{} days", days.trim()));
    let mut arguments = given([
        ("rule", rule.as_deref()),
        ("starts", form.get("starts")),
        ("ends", form.get("ends")),
        ("zone", form.get("zone").map(str::trim)),
        ("name", form.get("name")),
        ("item_rest", rest.as_deref()),
    ]);
    arguments["template"] = template(form, old, is_queue);
    match old {
        Some(old) => {
            arguments["schedule_id"] = json!(old.id);
            // what is left out would stay
            for (name, none) in [("ends", "infinity"), ("name", "")] {
                if arguments.get(name).is_none() {
                    arguments[name] = json!(none);
                }
            }
        }
        None => {
            arguments["workspace_id"] = json!(asked.workspace.id);
            arguments["kind"] = json!(match (is_queue, rule) {
                (true, _) => "evergreen",
                (false, Some(_)) => "recurring",
                (false, None) => "single",
            });
        }
    }
    Ok(arguments)
}

/// What the posts say. What the form does not know of a template stays.
fn template(form: &Fields, old: Option<&Schedule>, is_queue: bool) -> Value {
    let mut template =
        old.map(|old| old.template.clone()).filter(Value::is_object).unwrap_or_else(|| json!({}));
    template["accounts"] = json!(form.all("account").collect::<Vec<_>>());
    template["tags"] = json!(words(form.get("tags").unwrap_or_default()));
    if !is_queue {
        template["content"] = json!(lines(form.all("content").next().unwrap_or_default()));
    }
    template
}

/// The rule, as text; none: once.
fn rule(form: &Fields) -> Result<Option<String>, Problem> {
    let times = words(form.get("times").unwrap_or_default());
    let every = match form.get("every").map(|every| every.trim().parse::<u32>()) {
        None => 1,
        Some(Ok(every)) => every,
        Some(Err(_)) => return Err(Problem::at("every", "Write a whole number, such as 1.")),
    };
    let plain = match form.get("repeats").unwrap_or("once") {
        "once" => return Ok(None),
        "rule" => {
            let rule = form.get("rule").map(|rule| rule.trim().to_owned());
            return rule
                .map(Some)
                .ok_or_else(|| Problem::at("rule", "A rule is needed, such as FREQ=MONTHLY;BYDAY=-1FR."));
        }
        _ if times.is_empty() => {
            return Err(Problem::at("times", "At least one time is needed, such as 09:00."));
        }
        "weekly" => {
            let days: serde_json::Map<_, _> =
                form.all("day").map(|day| (day.to_owned(), json!(times))).collect();
            if days.is_empty() {
                return Err(Problem::at("days", "At least one day is needed."));
            }
            json!({ "weekly": days, "every": every })
        }
        _ => json!({ "daily": times, "every": every }),
    };
    Ok(Some(plain.to_string()))
}

/// What `crier.preview_schedule` takes of it.
pub(super) fn definition(arguments: &Value) -> Value {
    let names = ["rule", "starts", "ends", "zone"];
    let there = names.iter().filter_map(|name| Some(((*name).to_owned(), arguments.get(*name)?.clone())));
    Value::Object(there.filter(|(_, value)| value != "infinity").collect())
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;
    use uuid::Uuid;

    use super::*;
    use crate::http::dashboard::access::tests::asked;

    fn schedule(kind: &str, rule: Option<&str>) -> Schedule {
        from_value(json!({
            "id": Uuid::from_u128(9), "workspace_id": Uuid::from_u128(2), "name": "Tips", "kind": kind, "state": "active",
            "rule": rule, "starts": "2026-01-01T00:00:00", "ends": "2027-01-01T00:00:00", "zone": "Europe/Berlin", "next_at": null,
            "item_rest": "7 days",
            "template": { "content": "a", "accounts": ["1", "2"], "tags": ["x"], "media": [{ "url": "https://a.example/" }] },
        }))
        .unwrap()
    }

    #[test]
    fn a_form_says_when() {
        let of = |form: &str| arguments(&asked("editor"), &Fields::of(form), None);
        let once = of("repeats=once&content=a%0D%0Ab&account=1&starts=2030-01-01T09:00&zone=UTC").unwrap();
        assert_eq!((once["kind"].as_str(), once.get("rule")), (Some("single"), None));
        assert_eq!(once["template"], json!({ "content": "a\nb", "accounts": ["1"], "tags": [] }));
        let daily =
            of("repeats=daily&times=09:00,+17:30&every=2&starts=2030-01-01T00:00&zone=UTC&ends=").unwrap();
        assert_eq!(daily["kind"], "recurring");
        assert_eq!(daily["rule"], json!({ "daily": ["09:00", "17:30"], "every": 2 }).to_string());
        assert_eq!(definition(&daily)["starts"], "2030-01-01T00:00");
        let weekly = of("repeats=weekly&day=mon&day=fri&times=09:00&queue=1&rest=7").unwrap();
        assert_eq!(
            (weekly["kind"].as_str(), weekly["item_rest"].as_str()),
            (Some("evergreen"), Some("7 days"))
        );
        assert!(weekly["rule"].as_str().unwrap().contains("\"fri\":[\"09:00\"]"), "{weekly}");
        assert_eq!(of("repeats=rule&rule=+FREQ%3DDAILY").unwrap()["rule"], "FREQ=DAILY");
        for (bad, field) in [
            ("repeats=daily&times=", "times"),
            ("repeats=weekly&times=09:00", "days"),
            ("repeats=rule", "rule"),
            ("repeats=daily&times=09:00&every=often", "every"),
        ] {
            assert_eq!(of(bad).unwrap_err().field, Some(field), "{bad}");
        }
    }

    #[test]
    fn a_schedule_comes_back_from_its_form_as_it_was() {
        let rules = [
            r#"{"daily":["09:00","17:30"],"every":2}"#,
            r#"{"every":1,"weekly":{"fri":["09:00"],"mon":["09:00"]}}"#,
            r#"{"weekly": {"mon": ["09:00"], "fri": ["18:00"]}}"#,
            "FREQ=MONTHLY;BYDAY=-1FR",
        ];
        for rule in rules {
            let old = schedule("recurring", Some(rule));
            let again = arguments(&asked("editor"), &of(&old), Some(&old)).unwrap();
            let plain = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| json!(text));
            assert_eq!(plain(again["rule"].as_str().unwrap()), plain(rule));
            assert_eq!(again["template"], old.template, "expected what the form does not know to stay");
            assert_eq!(
                (&again["starts"], &again["ends"]),
                (&json!("2026-01-01T00:00"), &json!("2027-01-01T00:00"))
            );
        }
        let queue = schedule("evergreen", Some(rules[0]));
        let mut form = of(&queue);
        form.0.retain(|(name, _)| name != "ends" && name != "name");
        let again = arguments(&asked("editor"), &form, Some(&queue)).unwrap();
        assert_eq!(
            (&again["ends"], &again["name"], &again["item_rest"]),
            (&json!("infinity"), &json!(""), &json!("7 days"))
        );
        assert!(definition(&again).get("ends").is_none());
    }
}

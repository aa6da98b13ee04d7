//! The plain form: `{"daily": ["09:00", "17:30"]}`, `{"weekly": {"mon": ["09:00"]}, "every": 2}`.

use chrono::{NaiveTime, Weekday};
use serde_json::{Map, Value};

use super::RecurrenceError;
use super::rule::{Day, Frequency, Rule};
use super::wall::parse_time;

type Result<T> = std::result::Result<T, RecurrenceError>;

const MAX_TIMES: usize = 288;
const MAX_EVERY: u64 = 1_000;
const FORM: &str = r#"write {"daily": ["09:00", "17:30"]} or {"weekly": {"mon": ["09:00"], "fri": ["18:00"]}}, with "every": 2 for every other day or week"#;

/// The rules that the plain form stands for: one for all days, or one for each day of the week.
pub(super) fn rules(value: &Value) -> Result<Vec<Rule>> {
    let refuse = |advice: &str| Err(RecurrenceError::plain(value.to_string(), advice));
    let Some(form) = value.as_object() else { return refuse(FORM) };
    if let Some(name) = form.keys().find(|name| !matches!(name.as_str(), "daily" | "weekly" | "every")) {
        return refuse(&format!("{name:?} is not known: {FORM}"));
    }
    let every = match form.get("every") {
        None => 1,
        Some(every) => {
            let number = every.as_u64().filter(|every| (1..=MAX_EVERY).contains(every));
            let number = number.and_then(|every| u32::try_from(every).ok());
            number.ok_or_else(|| {
                RecurrenceError::plain(
                    format!("\"every\": {every}"),
                    format!("write a whole number from 1 to {MAX_EVERY}"),
                )
            })?
        }
    };
    match (form.get("daily"), form.get("weekly")) {
        (Some(times), None) => {
            let mut rule = Rule::every(Frequency::Daily, every);
            rule.times = read_times("daily", times)?;
            Ok(vec![rule])
        }
        (None, Some(Value::Object(days))) if !days.is_empty() => weekly(days, every),
        _ => refuse(FORM),
    }
}

fn weekly(days: &Map<String, Value>, every: u32) -> Result<Vec<Rule>> {
    let mut rules = Vec::<Rule>::new();
    for (weekday, times) in read_week(days)? {
        let mut rule = Rule::every(Frequency::Weekly, every);
        rule.days =
            vec![Day { nth: 0, weekday: u8::try_from(weekday.num_days_from_monday()).unwrap_or_default() }];
        rule.times = times;
        rules.push(rule);
    }
    Ok(rules)
}

/// Reads `{"mon": ["09:00"], …}`.
pub(super) fn read_week(days: &Map<String, Value>) -> Result<Vec<(Weekday, Vec<NaiveTime>)>> {
    let mut week = Vec::<(Weekday, Vec<NaiveTime>)>::new();
    for (name, times) in days {
        let weekday = name.parse::<Weekday>().map_err(|_| {
            RecurrenceError::plain(
                format!("{name:?}"),
                "write a day of the week: mon, tue, wed, thu, fri, sat or sun",
            )
        })?;
        if week.iter().any(|(other, _)| *other == weekday) {
            return Err(RecurrenceError::plain(format!("{name:?}"), "name a day once, with all its times"));
        }
        week.push((weekday, read_times(name, times)?));
    }
    Ok(week)
}

fn read_times(name: &str, value: &Value) -> Result<Vec<NaiveTime>> {
    let refuse = |advice: String| Err(RecurrenceError::plain(format!("{name:?}: {value}"), advice));
    let Some(texts) = value.as_array().filter(|texts| !texts.is_empty()) else {
        return refuse(r#"write times as an array, such as ["09:00", "17:30"]"#.to_owned());
    };
    if texts.len() > MAX_TIMES {
        return refuse(format!("these are {} times; at most {MAX_TIMES} are accepted", texts.len()));
    }
    let mut times = Vec::new();
    for text in texts {
        let Some(text) = text.as_str() else {
            return refuse(format!("{text} is not a time: write \"09:00\""));
        };
        times.push(parse_time(text)?);
    }
    Ok(times)
}

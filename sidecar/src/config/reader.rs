//! Reads settings one by one from a flattened TOML file and the environment, and collects what is wrong.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;

/// The settings that were found, the keys that were asked for and the problems so far.
pub(super) struct Reader<'a> {
    file: BTreeMap<String, toml::Value>,
    env: &'a dyn Fn(&str) -> Option<String>,
    known: Vec<String>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &str, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let mut file = BTreeMap::new();
        let mut problems = Vec::new();
        match text.parse::<toml::Table>() {
            Ok(table) => flatten("", table, &mut file),
            // `message` leaves out the excerpt, which could quote a password.
            Err(error) => problems.push(format!("the file is not TOML: {}", error.message())),
        }
        Self { file, env, known: Vec::new(), problems }
    }

    pub(super) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    pub(super) fn missing(&mut self, key: &str, variable: &str, help: &str) {
        self.problem(format!("{key} is missing: set it in the file or as {variable}; {help}"));
    }

    /// A text as it stands, without a default.
    pub(super) fn text(&mut self, key: &str, variable: &str) -> Option<String> {
        match self.raw(key, variable)? {
            toml::Value::String(text) if !text.is_empty() => Some(text),
            other => {
                self.problem(format!("{key} must be a text that is not empty, not {}", other.type_str()));
                None
            }
        }
    }

    /// All of a section whose keys nobody knows beforehand, without its name; what is wrong with them the caller says.
    pub(super) fn section(&mut self, name: &str) -> Vec<(String, toml::Value)> {
        let prefix = format!("{name}.");
        let (inside, rest) =
            std::mem::take(&mut self.file).into_iter().partition(|(key, _)| key.starts_with(&prefix));
        self.file = rest;
        let inside: BTreeMap<String, toml::Value> = inside;
        inside.into_iter().map(|(key, value)| (key[prefix.len()..].to_owned(), value)).collect()
    }

    /// A variable alone: of what has no place in the file, or for what [`Reader::section`] has read.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.env)(name)
    }

    /// A text that is read by its type's own rules.
    pub(super) fn parsed<T: FromStr>(&mut self, key: &str, variable: &str, default: T, shape: &str) -> T {
        let Some(text) = self.text(key, variable) else { return default };
        text.parse().unwrap_or_else(|_| {
            self.problem(format!("{key} is {text:?}; it must be {shape}"));
            default
        })
    }

    /// One of a few words, the first of which is the default.
    pub(super) fn choice(&mut self, key: &str, variable: &str, words: &[&'static str]) -> &'static str {
        let default = words.first().copied().unwrap_or_default();
        let Some(text) = self.text(key, variable) else { return default };
        words.iter().copied().find(|word| *word == text).unwrap_or_else(|| {
            self.problem(format!("{key} is {text:?}; it must be one of {}", words.join(", ")));
            default
        })
    }

    /// A list of texts: an array in the file, or one text with commas between them.
    pub(super) fn list(&mut self, key: &str, variable: &str) -> Vec<String> {
        let split = |text: &str| text.split(',').map(|part| part.trim().to_owned()).collect();
        let found: Option<Vec<String>> = match self.raw(key, variable) {
            None => return Vec::new(),
            Some(toml::Value::String(text)) => Some(split(&text)),
            Some(toml::Value::Array(parts)) => {
                parts.iter().map(|part| part.as_str().map(str::to_owned)).collect()
            }
            Some(_) => None,
        };
        match found {
            Some(found) if found.iter().all(|part| !part.is_empty()) => found,
            _ => {
                self.problem(format!("{key} must be a list of texts that are not empty"));
                Vec::new()
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &str, variable: &str, default: bool) -> bool {
        match self.raw(key, variable) {
            None => default,
            Some(toml::Value::Boolean(flag)) => flag,
            Some(toml::Value::String(text)) if text == "true" || text == "false" => text == "true",
            Some(other) => {
                self.problem(format!("{key} is {other}; it must be true or false"));
                default
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &mut self,
        key: &str,
        variable: &str,
        default: usize,
        bounds: RangeInclusive<usize>,
    ) -> usize {
        let Some(value) = self.raw(key, variable) else { return default };
        let number = match &value {
            toml::Value::Integer(number) => usize::try_from(*number).ok(),
            toml::Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        self.within(key, number, default, bounds, "a whole number", &value, |bound| bound.to_string())
    }

    /// A part of something, from 0 to 1.
    pub(super) fn ratio(&mut self, key: &str, variable: &str, default: f64) -> f64 {
        let Some(value) = self.raw(key, variable) else { return default };
        let ratio = match &value {
            toml::Value::Float(ratio) => Some(*ratio),
            toml::Value::Integer(ratio) => i32::try_from(*ratio).ok().map(f64::from),
            toml::Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        self.within(key, ratio, default, 0.0..=1.0, "a number", &value, f64::to_string)
    }

    /// A duration: a text such as `"1 min"`, or a number of seconds. Bounds are in milliseconds.
    pub(super) fn duration(
        &mut self,
        key: &str,
        variable: &str,
        default_ms: u64,
        bounds_ms: RangeInclusive<u64>,
    ) -> Duration {
        let Some(value) = self.raw(key, variable) else { return Duration::from_millis(default_ms) };
        let duration = match &value {
            toml::Value::Integer(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            toml::Value::String(text) => parse_duration(text),
            _ => None,
        };
        let ms = duration.and_then(|duration| u64::try_from(duration.as_millis()).ok());
        let show = |ms: &u64| humantime::format_duration(Duration::from_millis(*ms)).to_string();
        Duration::from_millis(self.within(
            key,
            ms,
            default_ms,
            bounds_ms,
            "a duration like \"5 s\"",
            &value,
            show,
        ))
    }

    /// Every problem so far, and every setting nobody asked for.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        let unknown: Vec<_> = self.file.keys().filter(|key| !self.known.contains(key)).cloned().collect();
        for key in unknown {
            let guess =
                self.nearest(&key).map(|known| format!("; did you mean {known}?")).unwrap_or_default();
            self.problems.push(format!("{key} is not a setting{guess}"));
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Error::Config(self.problems)) }
    }

    /// The variable wins over the file.
    fn raw(&mut self, key: &str, variable: &str) -> Option<toml::Value> {
        self.known.push(key.to_owned());
        (self.env)(variable).map(toml::Value::String).or_else(|| self.file.get(key).cloned())
    }

    #[expect(clippy::too_many_arguments, reason = "it is the common end of two readers, nowhere else")]
    fn within<T: PartialOrd + Display>(
        &mut self,
        key: &str,
        found: Option<T>,
        default: T,
        bounds: RangeInclusive<T>,
        shape: &str,
        value: &toml::Value,
        show: impl Fn(&T) -> String,
    ) -> T {
        match found {
            Some(found) if bounds.contains(&found) => found,
            _ => {
                let (from, to) = (show(bounds.start()), show(bounds.end()));
                self.problem(format!("{key} is {value}; it must be {shape} from {from} to {to}"));
                default
            }
        }
    }

    /// The known key of the same section that shares the longest beginning, if it is nearly the same.
    fn nearest(&self, key: &str) -> Option<&str> {
        let shared = |known: &str| known.bytes().zip(key.bytes()).take_while(|(a, b)| a == b).count();
        let nearest = self.known.iter().map(String::as_str).max_by_key(|known| shared(known))?;
        (shared(nearest) > nearest.find('.').unwrap_or(0) + 2).then_some(nearest)
    }
}

/// What a part of the configuration reads in a file without variables, or all that is wrong.
#[cfg(test)]
pub(super) fn read<T>(text: &str, resolve: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, Vec<String>> {
    let mut read = Reader::new(text, &|_| None);
    let found = resolve(&mut read);
    match read.finish() {
        Ok(()) => Ok(found),
        Err(Error::Config(problems)) => Err(problems),
        Err(other) => panic!("{other}"),
    }
}

/// `5s`, `5 s`, `1 min`, and a bare number of seconds.
fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text).ok()
}

/// `[worker] poll = …` becomes `worker.poll`.
fn flatten(prefix: &str, table: toml::Table, into: &mut BTreeMap<String, toml::Value>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, into),
            value => {
                into.insert(key, value);
            }
        }
    }
}

//! Polls, which several platforms have with other figures.

use serde::Deserialize;

/// A poll, as an application sets it for one platform.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// What can be chosen.
    pub options: Vec<String>,
    /// How long it runs.
    pub minutes: u32,
    /// Whether several may be chosen, where the platform has that.
    #[serde(default)]
    pub multiple: bool,
}

/// What a platform's polls may be.
#[derive(Clone, Copy, Debug)]
pub struct PollRules {
    /// The most options; the fewest are two.
    pub max_options: usize,
    /// The most characters of one.
    pub max_chars: usize,
    /// How long it may run at least and at most.
    pub minutes: (u32, u32),
    /// Whether several may be chosen.
    pub multiple: bool,
}

impl Poll {
    /// Why it is refused, if it is.
    pub fn refused(&self, rules: &PollRules) -> Option<String> {
        let Self { options, minutes, multiple } = self;
        let (least, most) = rules.minutes;
        if !(2..=rules.max_options).contains(&options.len()) {
            return Some(format!(
                "have a poll with {} options; 2 to {} are accepted",
                options.len(),
                rules.max_options
            ));
        }
        let long = |option: &&String| !(1..=rules.max_chars).contains(&option.trim().chars().count());
        if let Some(option) = options.iter().find(long) {
            let shown: String = option.chars().take(80).collect();
            return Some(format!(
                "have the poll option {shown:?}; 1 to {} characters are accepted",
                rules.max_chars
            ));
        }
        if options.iter().enumerate().any(|(at, option)| options[..at].contains(option)) {
            return Some("have a poll with the same option twice".to_owned());
        }
        if !(least..=most).contains(minutes) {
            return Some(format!("have a poll of {minutes} minutes; {least} to {most} are accepted"));
        }
        (*multiple && !rules.multiple)
            .then(|| "have a poll with several choices, which it does not offer".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PollRules = PollRules { max_options: 4, max_chars: 5, minutes: (5, 60), multiple: false };

    fn poll(options: &[&str], minutes: u32, multiple: bool) -> Poll {
        Poll { options: options.iter().map(|option| (*option).to_owned()).collect(), minutes, multiple }
    }

    #[test]
    fn a_poll_is_within_its_platforms_figures() {
        assert_eq!(poll(&["yes", "no"], 5, false).refused(&RULES), None);
        for (bad, word) in [
            (poll(&["yes"], 5, false), "1 options"),
            (poll(&["1", "2", "3", "4", "5"], 5, false), "5 options"),
            (poll(&["yes", " "], 5, false), "\" \""),
            (poll(&["yes", "longer"], 5, false), "longer"),
            (poll(&["yes", "yes"], 5, false), "twice"),
            (poll(&["yes", "no"], 4, false), "4 minutes"),
            (poll(&["yes", "no"], 61, false), "61 minutes"),
            (poll(&["yes", "no"], 5, true), "several"),
        ] {
            let why = bad.refused(&RULES).expect("a reason");
            assert!(why.contains(word), "{why}");
        }
    }
}

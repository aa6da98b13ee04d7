//! Where the keys come from: a file, `CRIER_KEYS`, or a command. One of the three.

use std::path::PathBuf;

use super::reader::Reader;
use crate::secrets::{KeySource, VARIABLE};

const FILE: &str = "secrets.key_file";
const COMMAND: &str = "secrets.key_command";

/// What is set. Where nothing is and nothing is needed, a file without a name.
pub(super) fn resolve(read: &mut Reader<'_>, needed: bool) -> KeySource {
    let file = read.text(FILE, "CRIER_KEY_FILE").map(|path| KeySource::File(PathBuf::from(path)));
    let command = read.text(COMMAND, "CRIER_KEY_COMMAND").map(KeySource::Command);
    // No setting of the file: a configuration is copied about, and keys must not be.
    let variable = read.variable(VARIABLE).map(|keys| KeySource::Variable(keys.into()));
    let sources = [(FILE, file), (COMMAND, command), (VARIABLE, variable)];
    let mut set: Vec<_> = sources.into_iter().filter_map(|(name, source)| Some((name, source?))).collect();
    if set.len() > 1 {
        let names: Vec<_> = set.iter().map(|(name, _)| *name).collect();
        read.problem(format!("{} are set: keys come from one of them", names.join(" and ")));
    }
    match set.pop() {
        Some((_, source)) => source,
        None => {
            if needed {
                read.missing(
                    FILE,
                    "CRIER_KEY_FILE",
                    "`crierd init` makes one; or set secrets.key_command, or CRIER_KEYS",
                );
            }
            KeySource::File(PathBuf::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn resolved(text: &str, env: &[(&str, &str)]) -> Result<KeySource, Error> {
        let look =
            |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let mut read = Reader::new(text, &look);
        let source = resolve(&mut read, true);
        read.finish().map(|()| source)
    }

    #[test]
    fn keys_come_from_one_place() {
        assert!(matches!(resolved("secrets.key_file = 'a'", &[]), Ok(KeySource::File(path)) if path == *"a"));
        let command = resolved("secrets.key_command = 'kms decrypt'", &[]);
        assert!(matches!(command, Ok(KeySource::Command(text)) if text == "kms decrypt"));
        assert!(matches!(resolved("", &[("CRIER_KEYS", "1:canary")]), Ok(KeySource::Variable(_))));
        // Not in the file.
        let problem = resolved("secrets.keys = '1:canary'", &[]).unwrap_err().to_string();
        assert!(
            problem.contains("secrets.keys is not a setting") && !problem.contains("canary"),
            "{problem}"
        );
    }

    #[test]
    fn two_places_or_none_are_refused() {
        let both = resolved(
            "secrets.key_command = 'canary'",
            &[("CRIER_KEY_FILE", "k"), ("CRIER_KEYS", "1:canary")],
        );
        let problem = both.unwrap_err().to_string();
        for name in ["secrets.key_file", "secrets.key_command", "CRIER_KEYS"] {
            assert!(problem.contains(name), "{problem}");
        }
        assert!(!problem.contains("canary"), "{problem}");
        assert!(resolved("", &[]).unwrap_err().to_string().contains("crierd init"));
    }
}

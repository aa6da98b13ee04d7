//! Files into calls.

use std::collections::HashMap;
use std::path::Path;

use crate::soak::history::{Answer, Ask, Final, Line, Micros};

/// The file with the jobs at the end of the run; every other one is a session's.
pub const FINAL: &str = "final.jsonl";

/// A call with what came of it.
#[derive(Clone, Debug)]
pub struct Call {
    /// File and line of the question.
    pub place: String,
    /// When it was sent.
    pub asked: Micros,
    /// When the answer came, or that none will come.
    pub answered: Option<Micros>,
    /// The question.
    pub ask: Ask,
    /// The answer.
    pub outcome: Outcome,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It has happened.
    Answered(Answer),
    /// It has not happened.
    Refused {
        /// The SQLSTATE.
        code: String,
        /// The message.
        error: String,
    },
    /// Nobody knows.
    Lost,
}

/// A whole run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every call of every session, the nemesis included.
    pub calls: Vec<Call>,
    /// Every job as it was at the end.
    pub finals: Vec<Final>,
}

impl History {
    /// Reads a directory.
    ///
    /// # Errors
    /// What can't be read, with the file and the line.
    pub fn read(dir: &Path) -> Result<Self, String> {
        let mut history = Self::default();
        let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")) {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name == FINAL {
                for (at, line) in text.lines().enumerate() {
                    let job = serde_json::from_str(line);
                    history.finals.push(job.map_err(|error| format!("{name}:{}: {error}", at + 1))?);
                }
            } else {
                history.session(&name, &text)?;
            }
        }
        if history.finals.is_empty() {
            return Err(format!("{} has no {FINAL}: the run did not come to its end", dir.display()));
        }
        Ok(history)
    }

    /// Adds what one session wrote.
    ///
    /// # Errors
    /// A line that is none, the last one excepted if it has no end.
    pub fn session(&mut self, name: &str, text: &str) -> Result<(), String> {
        let mut open: HashMap<u64, usize> = HashMap::new();
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if !line.ends_with('\n') {
                break;
            }
            let place = format!("{name}:{}", number + 1);
            let line = serde_json::from_str(line).map_err(|error| format!("{place}: {error}"))?;
            let (at, call, outcome) = match line {
                Line::Asked { at, call, ask } => {
                    open.insert(call, self.calls.len());
                    self.calls.push(Call { place, asked: at, answered: None, ask, outcome: Outcome::Lost });
                    continue;
                }
                Line::Answered { at, call, answer } => (at, call, Outcome::Answered(answer)),
                Line::Refused { at, call, code, error } => (at, call, Outcome::Refused { code, error }),
                Line::Lost { at, call, .. } => (at, call, Outcome::Lost),
            };
            let asked = open.remove(&call).and_then(|index| self.calls.get_mut(index));
            let asked =
                asked.ok_or_else(|| format!("{place}: an answer to call {call}, which was not asked"))?;
            (asked.answered, asked.outcome) = (Some(at), outcome);
        }
        Ok(())
    }
}

//! States as one character, for tables in a terminal. Each is one column wide everywhere.

use super::terminal::Style;

/// A state that people see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// What comes first in a legend.
    order: u8,
    pub(crate) sign: &'static str,
    pub(crate) meaning: &'static str,
}

const MARKS: [Mark; 10] = [
    Mark { order: 0, sign: "↻", meaning: "of a schedule" },
    Mark { order: 1, sign: "-", meaning: "draft" },
    Mark { order: 2, sign: "?", meaning: "in review" },
    Mark { order: 3, sign: "+", meaning: "approved" },
    Mark { order: 4, sign: "○", meaning: "scheduled" },
    Mark { order: 5, sign: "▸", meaning: "under way" },
    Mark { order: 6, sign: "✓", meaning: "published" },
    Mark { order: 7, sign: "✗", meaning: "failed" },
    Mark { order: 8, sign: "!", meaning: "unconfirmed" },
    Mark { order: 9, sign: "×", meaning: "canceled" },
];

/// The mark of a state of a post, of a target, or of an occurrence.
pub(crate) fn mark(state: &str) -> Mark {
    let at = match state {
        "planned" | "occurrence" => 0,
        "draft" => 1,
        "in_review" => 2,
        "approved" => 3,
        "scheduled" | "waiting" => 4,
        "published" => 6,
        "failed" => 7,
        "unconfirmed" => 8,
        "canceled" => 9,
        // queued, preparing, committing, unknown; publishing and partly_published: its accounts tell
        _ => 5,
    };
    MARKS[at]
}

impl Mark {
    pub(crate) fn style(self) -> Style {
        match self.sign {
            "✓" => Style::Good,
            "✗" => Style::Bad,
            "!" | "?" => Style::Odd,
            "-" | "×" | "↻" => Style::Faint,
            _ => Style::Heading,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::text::width;

    #[test]
    fn each_state_has_a_mark_of_one_column() {
        for (at, mark) in MARKS.iter().enumerate() {
            assert_eq!((width(mark.sign), usize::from(mark.order)), (1, at), "{mark:?}");
        }
        assert_eq!(mark("published").meaning, "published");
        assert_eq!(mark("committing").meaning, "under way");
        assert_eq!(mark("in_review").meaning, "in review");
    }
}

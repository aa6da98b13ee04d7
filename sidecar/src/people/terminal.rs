//! What standard output is: how wide, and whether it shows colours.

use std::io::IsTerminal;

/// Columns where there is no terminal.
const COLUMNS: usize = 80;
/// Fewer are not readable; a terminal that says so is asked for more.
const MIN_COLUMNS: usize = 60;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    pub(crate) columns: usize,
    pub(crate) colour: bool,
    pub(crate) is_terminal: bool,
}

/// How something is emphasized.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Heading,
    Good,
    Bad,
    Odd,
    Faint,
}

impl Screen {
    /// Standard output as it is now.
    pub(crate) fn of_stdout() -> Self {
        let stdout = std::io::stdout();
        let is_terminal = stdout.is_terminal();
        let size = rustix::termios::tcgetwinsize(&stdout).ok().filter(|_| is_terminal);
        Self::new(is_terminal, size.map(|size| size.ws_col.into()), |name| std::env::var(name).ok())
    }

    fn new(is_terminal: bool, columns: Option<usize>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let refuses = variable("NO_COLOR").is_some_and(|value| !value.is_empty())
            || variable("TERM").is_some_and(|value| value == "dumb");
        let columns = columns.filter(|columns| *columns > 0).unwrap_or(COLUMNS);
        Self { columns: columns.max(MIN_COLUMNS), colour: is_terminal && !refuses, is_terminal }
    }

    /// A text in a style, where there are colours.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Heading => "1",
            Style::Good => "32",
            Style::Bad => "31",
            Style::Odd => "33",
            Style::Faint => "2",
        };
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let screen = |is_terminal, name: &'static str, value: &'static str| {
            Screen::new(is_terminal, Some(120), move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert!(screen(true, "TERM", "xterm").colour);
        assert!(screen(true, "NO_COLOR", "").colour);
        assert!(!screen(true, "NO_COLOR", "1").colour);
        assert!(!screen(true, "TERM", "dumb").colour);
        assert!(!screen(false, "TERM", "xterm").colour);
        assert_eq!(screen(true, "", "").paint(Style::Good, "x"), "\x1b[32mx\x1b[0m");
        assert_eq!(screen(false, "", "").paint(Style::Good, "x"), "x");
    }

    #[test]
    fn eighty_columns_where_nobody_says() {
        let columns = |said| Screen::new(true, said, |_| None).columns;
        assert_eq!(
            (columns(None), columns(Some(0)), columns(Some(3)), columns(Some(132))),
            (80, 80, 60, 132)
        );
    }
}

//! "Little text": what is reserved and not escaped ends a text, without a word.

/// The text as people see it.
pub(super) fn shown(little: &str) -> String {
    const RESERVED: &str = "|{}@[]()<>#*_~";
    let mut shown = String::new();
    let mut rest = little.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        match c {
            '\\' => shown.extend(rest.next()),
            '#' if !before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric()) => {
                shown.push(c)
            }
            _ if RESERVED.contains(c) => break,
            _ => shown.push(c),
        }
        before = c;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_text_ends_where_something_is_not_escaped() {
        assert_eq!(shown(r"hi \(you\), on #rust"), "hi (you), on #rust");
        assert_eq!(shown("hi (you), on #rust"), "hi ");
        assert_eq!(shown("C# and # more"), "C");
    }
}

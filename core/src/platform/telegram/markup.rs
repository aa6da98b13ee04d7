//! Marks in a text, read as Telegram reads them: far enough to tell what it would refuse, and how much text remains.

/// The places between the characters of a text by units of UTF-16: whether something may begin or end there. One more than there
/// are units.
pub(super) fn places(text: &str) -> Vec<bool> {
    let mut places: Vec<bool> =
        text.chars().flat_map(|c| std::iter::once(true).chain((1..c.len_utf16()).map(|_| false))).collect();
    places.push(true);
    places
}

/// Tags that mark a piece of a text. A `span` has to be a spoiler, and some may have something said of them.
const TAGS: [&str; 17] = [
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "span",
    "tg-spoiler",
    "a",
    "tg-emoji",
    "code",
    "pre",
    "blockquote",
    "tg-time",
];

/// How many units of UTF-16 a text in HTML has without its tags.
pub(super) fn html(text: &str) -> Result<usize, String> {
    let (mut length, mut open, mut rest) = (0, Vec::<&str>::new(), text);
    while let Some(c) = rest.chars().next() {
        let (taken, units) = match c {
            '<' => (tag(rest, &mut open)?, 0),
            '&' => reference(rest),
            c => (c.len_utf8(), c.len_utf16()),
        };
        length += units;
        rest = rest.get(taken..).unwrap_or_default();
    }
    match open.last() {
        Some(name) => Err(format!("a tag <{name}> is not closed")),
        None => Ok(length),
    }
}

/// Reads a tag; how many bytes it has.
fn tag<'t>(rest: &'t str, open: &mut Vec<&'t str>) -> Result<usize, String> {
    let end = rest.find('>').ok_or("a < begins no tag: write &lt;")?;
    let inner = rest.get(1..end).unwrap_or_default();
    if let Some(name) = inner.strip_prefix('/') {
        return match open.pop() {
            Some(last) if last.eq_ignore_ascii_case(name.trim()) => Ok(end + 1),
            _ => Err(format!("a tag </{}> closes nothing", shown(name))),
        };
    }
    let (name, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let said = rest.trim();
    let known = TAGS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let is_spoiler = !name.eq_ignore_ascii_case("span") || said.contains("tg-spoiler");
    if !known || !is_spoiler {
        return Err(format!("there is no tag <{}>: a < is written &lt;", shown(inner)));
    }
    open.push(name);
    Ok(end + 1)
}

fn shown(name: &str) -> String {
    name.chars().take(20).collect()
}

/// Reads what begins with `&`: how many bytes it has, and how many units it stands for. What is no reference stands for itself.
fn reference(rest: &str) -> (usize, usize) {
    let end = rest.char_indices().take(12).find(|(_, c)| *c == ';').map(|(at, _)| at);
    let Some((end, name)) = end.and_then(|end| Some((end, rest.get(1..end)?))) else { return (1, 1) };
    if ["lt", "gt", "amp", "quot"].contains(&name) {
        return (end + 1, 1);
    }
    let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    match number.and_then(char::from_u32) {
        Some(c) => (end + 1, c.len_utf16()),
        None => (1, 1),
    }
}

/// What has to be written with a `\` before it where it means nothing.
const RESERVED: &str = "_*[]()~`>#+-=|{}.!";

/// What is open in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Until the same mark comes again.
    Mark(&'static str),
    /// A link, or an emoji, whose words end with `]`.
    Link { needs_address: bool },
}

const MARKS: [&str; 5] = ["||", "__", "_", "*", "~"];

/// How many units of UTF-16 a text in Telegram's Markdown has without its marks.
pub(super) fn markdown(text: &str) -> Result<usize, String> {
    let (mut length, mut open, mut rest) = (0, Vec::<Open>::new(), text);
    let (mut begins_line, mut in_quotation) = (true, false);
    while let Some(c) = rest.chars().next() {
        let (taken, units) = match escaped(rest) {
            Some(units) => (1 + units, units),
            None if in_quotation && is_expandable(rest, &open) => (2, 0),
            None => mark(rest, c, begins_line, &mut open)?,
        };
        in_quotation = c != '\n' && (in_quotation || begins_line && c == '>');
        // marks are not what a line begins with
        begins_line = if units > 0 { c == '\n' } else { begins_line };
        length += units;
        rest = rest.get(taken..).unwrap_or_default();
    }
    match open.last() {
        Some(Open::Mark(mark)) => Err(format!("a {mark} is not closed: where none is meant, write \\{mark}")),
        Some(Open::Link { .. }) => Err("a [ is not closed: where none is meant, write \\[".to_owned()),
        None => Ok(length),
    }
}

/// A `\` with what stands for itself behind it: any other character of ASCII.
fn escaped(rest: &str) -> Option<usize> {
    let mut chars = rest.chars();
    (chars.next() == Some('\\') && chars.next().is_some_and(|c| c.is_ascii() && c != '\0')).then_some(1)
}

/// Whether a quotation ends here with the mark that only some of it is shown at first. One that ends a spoiler is that.
fn is_expandable(rest: &str, open: &[Open]) -> bool {
    let after = rest.strip_prefix("||").filter(|_| open.last() != Some(&Open::Mark("||")));
    after.is_some_and(|after| after.is_empty() || after.starts_with('\n') && !after.starts_with("\n>"))
}

/// Reads a mark, or a character that is none: how many bytes it has, and how many units remain of it.
fn mark(rest: &str, c: char, begins_line: bool, open: &mut Vec<Open>) -> Result<(usize, usize), String> {
    let fence = if rest.starts_with("```") { Some("```") } else { rest.starts_with('`').then_some("`") };
    if let Some(fence) = fence {
        return code(rest, fence);
    }
    if let Some(mark) = MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
        if open.last() == Some(&Open::Mark(mark)) {
            open.pop();
        } else {
            open.push(Open::Mark(mark));
        }
        return Ok((mark.len(), 0));
    }
    match c {
        '[' => open.push(Open::Link { needs_address: false }),
        '!' if rest.starts_with("![") => {
            open.push(Open::Link { needs_address: true });
            return Ok((2, 0));
        }
        ']' if matches!(open.last(), Some(Open::Link { .. })) => {
            let needs_address = open.pop() == Some(Open::Link { needs_address: true });
            return address(rest, needs_address).map(|len| (len, 0));
        }
        '>' if begins_line => {}
        c if RESERVED.contains(c) => return Err(format!("{c:?} means nothing there: write \\{c}")),
        c => return Ok((c.len_utf8(), c.len_utf16())),
    }
    Ok((1, 0))
}

/// A piece of code until its mark comes again: only that and `\` mean something in it.
fn code(rest: &str, fence: &str) -> Result<(usize, usize), String> {
    let (mut at, mut units) = (fence.len(), 0);
    loop {
        let now = rest.get(at..).unwrap_or_default();
        if now.starts_with(fence) {
            return Ok((at + fence.len(), units));
        }
        let Some(c) = now.chars().next() else {
            return Err(format!("a {fence} is not closed: where none is meant, write \\`"));
        };
        let (taken, more) = escaped(now).map_or((c.len_utf8(), c.len_utf16()), |units| (1 + units, units));
        at += taken;
        units += more;
    }
}

/// The address behind the words of a link: `](…)`, or nothing; how many bytes it has with the bracket.
fn address(rest: &str, needed: bool) -> Result<usize, String> {
    if !rest.starts_with("](") {
        return if needed { Err("an emoji has no address".to_owned()) } else { Ok(1) };
    }
    let mut at = 2;
    loop {
        let now = rest.get(at..).unwrap_or_default();
        match now.chars().next() {
            Some(')') => return Ok(at + 1),
            Some(c) => at += escaped(now).map_or(c.len_utf8(), |units| 1 + units),
            None => return Err("the address of a link is not closed with )".to_owned()),
        }
    }
}

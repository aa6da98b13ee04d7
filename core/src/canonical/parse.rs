//! JSON read into a flat tree: no recursion here, and none when it is dropped.

use std::ops::Range;

use super::CanonicalError;
use super::number::Written;

/// A place in [`Tree::text`].
pub(super) type Span = Range<usize>;
/// A place in [`Tree::nodes`].
pub(super) type Index = usize;

/// One value.
#[derive(Debug)]
pub(super) enum Node {
    /// `null`, `true` or `false`.
    Word(&'static str),
    /// In its canonical form.
    Number(Span),
    /// Without escapes.
    Text(Span),
    Array(Vec<Index>),
    /// Sorted by key; each key once.
    Object(Vec<(Span, Index)>),
}

/// A value with everything in it; what is inside comes before what it is in.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// The characters of all keys, strings and numbers.
    pub(super) text: String,
}

impl Tree {
    pub(super) fn span(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }
}

/// What was begun and has not ended.
enum Open {
    Array(Vec<Index>),
    /// With the key whose value comes next.
    Object(Vec<(Span, Index)>, Span),
}

/// Reads a text that is one JSON value.
pub(super) fn tree(text: &str) -> Result<Tree, CanonicalError> {
    let mut reader = Reader { input: text, at: 0, tree: Tree::default() };
    let mut open = Vec::new();
    loop {
        if let Some(node) = reader.value(&mut open)?
            && reader.ended(node, &mut open)?
        {
            return Ok(reader.tree);
        }
    }
}

struct Reader<'a> {
    input: &'a str,
    at: usize,
    tree: Tree,
}

impl<'a> Reader<'a> {
    /// A value that is whole, or the beginning of one with something in it.
    fn value(&mut self, open: &mut Vec<Open>) -> Result<Option<Node>, CanonicalError> {
        self.skip_space();
        Ok(Some(match self.peek() {
            Some(b'[') => {
                self.at += 1;
                self.skip_space();
                if !self.take(b']') {
                    open.push(Open::Array(Vec::new()));
                    return Ok(None);
                }
                Node::Array(Vec::new())
            }
            Some(b'{') => {
                self.at += 1;
                self.skip_space();
                if !self.take(b'}') {
                    open.push(Open::Object(Vec::new(), self.key()?));
                    return Ok(None);
                }
                Node::Object(Vec::new())
            }
            Some(b'"') => Node::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Node::Number(self.number()?),
            _ => Node::Word(self.word()?),
        }))
    }

    /// Puts a whole value where it belongs, with everything that ends after it; says whether the text ends too.
    fn ended(&mut self, mut node: Node, open: &mut Vec<Open>) -> Result<bool, CanonicalError> {
        loop {
            let index = self.tree.nodes.len();
            self.tree.nodes.push(node);
            self.skip_space();
            node = match open.pop() {
                None if self.at == self.input.len() => return Ok(true),
                None => return Err(self.expected("the end")),
                Some(Open::Array(mut items)) => {
                    items.push(index);
                    if self.take(b',') {
                        open.push(Open::Array(items));
                        return Ok(false);
                    }
                    if !self.take(b']') {
                        return Err(self.expected(", or ]"));
                    }
                    Node::Array(items)
                }
                Some(Open::Object(mut members, key)) => {
                    members.push((key, index));
                    if self.take(b',') {
                        self.skip_space();
                        open.push(Open::Object(members, self.key()?));
                        return Ok(false);
                    }
                    if !self.take(b'}') {
                        return Err(self.expected(", or }"));
                    }
                    Node::Object(self.sorted(members))
                }
            };
        }
    }

    /// By key, and of equal keys the last.
    fn sorted(&self, mut members: Vec<(Span, Index)>) -> Vec<(Span, Index)> {
        members.reverse();
        members.sort_by(|(a, _), (b, _)| self.tree.span(a).cmp(self.tree.span(b)));
        members.dedup_by(|(a, _), (b, _)| self.tree.span(a) == self.tree.span(b));
        members
    }

    fn key(&mut self) -> Result<Span, CanonicalError> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in quotes"));
        }
        let key = self.string()?;
        self.skip_space();
        if self.take(b':') { Ok(key) } else { Err(self.expected(":")) }
    }

    fn word(&mut self) -> Result<&'static str, CanonicalError> {
        for word in ["null", "true", "false"] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(word);
            }
        }
        Err(self.expected("a value"))
    }

    fn number(&mut self) -> Result<Span, CanonicalError> {
        let at = self.at;
        let negative = self.take(b'-');
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            self.at -= whole.len() - 1;
            return Err(self.expected("no digit after a leading 0"));
        }
        let fraction = if self.take(b'.') { self.digits()? } else { "" };
        let (mut exponent, mut exponent_negative) = ("", false);
        if self.take(b'e') || self.take(b'E') {
            exponent_negative = self.take(b'-');
            if !exponent_negative {
                self.take(b'+');
            }
            exponent = self.digits()?;
        }
        let start = self.tree.text.len();
        let written = Written { negative, whole, fraction, exponent_negative, exponent };
        written.write(&mut self.tree.text).map_err(|_| CanonicalError::Exponent { at })?;
        Ok(start..self.tree.text.len())
    }

    fn digits(&mut self) -> Result<&'a str, CanonicalError> {
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return Err(self.expected("a digit"));
        }
        self.at += digits;
        Ok(rest.get(..digits).unwrap_or_default())
    }

    /// Reads from the opening quote to the closing one.
    fn string(&mut self) -> Result<Span, CanonicalError> {
        self.at += 1;
        let start = self.tree.text.len();
        loop {
            let rest = self.rest();
            // all of them are ASCII, so no character is cut
            let plain = rest.bytes().position(|b| b < b' ' || b == b'"' || b == b'\\').unwrap_or(rest.len());
            self.tree.text.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.tree.text.len());
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    self.tree.text.push(character);
                }
                Some(_) => return Err(self.expected("an escape instead of a control character")),
                None => return Err(self.expected("the end of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, CanonicalError> {
        let at = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(at);
            }
            Some(same @ (b'"' | b'\\' | b'/')) => char::from(same),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.expected("one of \"\\/bfnrtu")),
        };
        self.at += 1;
        Ok(character)
    }

    /// What stands after `\u`; a pair of surrogates is one character.
    fn unicode_escape(&mut self, at: usize) -> Result<char, CanonicalError> {
        let lone = CanonicalError::LoneSurrogate { at };
        let unit = self.hex4()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit).ok_or(lone);
        }
        if !(self.take(b'\\') && self.take(b'u')) {
            return Err(lone);
        }
        let low = self.hex4()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(lone);
        }
        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(lone)
    }

    fn hex4(&mut self) -> Result<u32, CanonicalError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else { return Err(self.expected("a hexadecimal digit")) };
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }

    fn rest(&self) -> &'a str {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.input.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expected(&self, expected: &'static str) -> CanonicalError {
        CanonicalError::Syntax { at: self.at, expected }
    }
}

//! A tree as text.

use std::fmt::Write as _;

use super::parse::{Index, Node, Span, Tree};

/// The canonical text; `size` is about how long it gets.
pub(super) fn text(tree: &Tree, size: usize) -> String {
    let mut out = String::with_capacity(size);
    let mut todo = Vec::new();
    // the root ended last
    todo.extend(tree.nodes.len().checked_sub(1).map(Step::Value));
    while let Some(step) = todo.pop() {
        match step {
            Step::Text(text) => out.push_str(text),
            Step::Key(key) => {
                string(tree.span(key), &mut out);
                out.push(':');
            }
            Step::Value(index) => match tree.nodes.get(index) {
                None => {}
                Some(Node::Word(word)) => out.push_str(word),
                Some(Node::Number(span)) => out.push_str(tree.span(span)),
                Some(Node::Text(span)) => string(tree.span(span), &mut out),
                Some(Node::Array(items)) => {
                    out.push('[');
                    let items = items.iter().map(|item| (None, *item));
                    plan(&mut todo, items, "]");
                }
                Some(Node::Object(members)) => {
                    out.push('{');
                    let members = members.iter().map(|(key, value)| (Some(key), *value));
                    plan(&mut todo, members, "}");
                }
            },
        }
    }
    out
}

/// What is still to be written; the last comes first.
enum Step<'a> {
    Text(&'static str),
    Key(&'a Span),
    Value(Index),
}

fn plan<'a>(
    todo: &mut Vec<Step<'a>>,
    members: impl DoubleEndedIterator<Item = (Option<&'a Span>, Index)>,
    end: &'static str,
) {
    todo.push(Step::Text(end));
    let first_at = todo.len();
    for (key, value) in members.rev() {
        if todo.len() > first_at {
            todo.push(Step::Text(","));
        }
        todo.push(Step::Value(value));
        todo.extend(key.map(Step::Key));
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some(character @ ('"' | '\\')) => out.extend(['\\', character]),
            Some(control) => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

//! Cutting a long text into the posts of a thread.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::{Count, hashtags, links, mentions};

/// The most characters of a token that an error repeats.
const MAX_SHOWN: usize = 80;

/// What can't be divided any further, and is still too long for a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CantSplit {
    /// It counts too much.
    #[error("{token:?} can't be divided and counts {found}; a part can count {limit}")]
    Count {
        /// How it begins.
        token: String,
        /// What it counts, with the number of its part.
        found: usize,
        /// What a part may count.
        limit: usize,
    },
    /// It has too many bytes.
    #[error("{token:?} can't be divided and takes {found} bytes; a part can take {limit}")]
    Bytes {
        /// How it begins.
        token: String,
        /// Its bytes, with those of the number of its part.
        found: usize,
        /// The bytes a part may take.
        limit: usize,
    },
}

/// Splits a text into parts that each count at most `limit` and take at most `max_bytes` bytes.
///
/// A part ends with a paragraph if that fills at least a third of it, else with a sentence, else with a word. Grapheme
/// clusters, links, mentions and hashtags are never cut; a word is only where it is longer than a part. With
/// `numbering`, each of several parts ends with its number, ` 2/5`, and that is counted in. The parts hold the whole
/// text but for the space where it was cut, before it and after it; nothing but space has no parts.
///
/// ```
/// # use crier_core::text::{Count, split};
/// let parts = split("One two. Three four.", Count::Graphemes, 16, None, true);
/// assert_eq!(parts, Ok(vec!["One two. 1/2".to_owned(), "Three four. 2/2".to_owned()]));
/// ```
pub fn split(
    text: &str,
    count: Count,
    limit: usize,
    max_bytes: Option<usize>,
    numbering: bool,
) -> Result<Vec<String>, CantSplit> {
    let bounds = Bounds { count, limit, max_bytes: max_bytes.unwrap_or(usize::MAX) };
    let (start, cuts) = cuts(text, &kept(text, count));
    let Some(end) = cuts.last().map(|cut| cut.left) else { return Ok(Vec::new()) };
    let whole = &text[start..end];
    if bounds.check(whole, "").is_ok() {
        return Ok(vec![whole.to_owned()]);
    }
    if !numbering {
        let parts = divide(text, start, &cuts, &bounds, None)?;
        return Ok(parts.into_iter().map(str::to_owned).collect());
    }
    // How many parts there are depends on how many digits their number has. It ends: digits grow faster than parts.
    let mut most: usize = 9;
    loop {
        let parts = divide(text, start, &cuts, &bounds, Some(most))?;
        if parts.len() <= most {
            let numbered = |(at, part): (usize, &str)| format!("{part} {}/{}", at + 1, parts.len());
            return Ok(parts.iter().copied().enumerate().map(numbered).collect());
        }
        most = most.saturating_mul(10).saturating_add(9);
    }
}

/// What a part has to keep to.
struct Bounds {
    count: Count,
    limit: usize,
    max_bytes: usize,
}

impl Bounds {
    fn check(&self, part: &str, suffix: &str) -> Result<(), CantSplit> {
        let token = || part.chars().take(MAX_SHOWN).collect();
        let bytes = part.len() + suffix.len();
        if bytes > self.max_bytes {
            return Err(CantSplit::Bytes { token: token(), found: bytes, limit: self.max_bytes });
        }
        let found = if suffix.is_empty() {
            self.count.count(part)
        } else {
            self.count.count(&format!("{part}{suffix}"))
        };
        if found > self.limit {
            return Err(CantSplit::Count { token: token(), found, limit: self.limit });
        }
        Ok(())
    }
}

/// What kind of place it is where a text can be cut, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Cluster,
    Word,
    Sentence,
    Paragraph,
}

/// A place where a text can be cut: one part ends at `left`, the next begins at `right`.
struct Cut {
    left: usize,
    right: usize,
    rank: Rank,
}

/// The parts of a text that begins at `start`, with room for numbers up to `most`; it stops after one part more.
fn divide<'a>(
    text: &'a str,
    mut start: usize,
    mut cuts: &[Cut],
    bounds: &Bounds,
    most: Option<usize>,
) -> Result<Vec<&'a str>, CantSplit> {
    let mut parts = Vec::new();
    while let Some(first) = cuts.first()
        && most.is_none_or(|most| parts.len() <= most)
    {
        let suffix = most.map(|most| format!(" {}/{most}", parts.len() + 1)).unwrap_or_default();
        let fits = |at: usize| bounds.check(&text[start..cuts[at].left], &suffix).is_ok();
        bounds.check(&text[start..first.left], &suffix)?;
        let last = last_that(cuts.len(), fits);
        let at = if last + 1 == cuts.len() { last } else { best(start, &cuts[..=last]) };
        // a shorter part can count more: half of what would be an emoji
        let at = if fits(at) { at } else { last };
        parts.push(&text[start..cuts[at].left]);
        start = cuts[at].right;
        cuts = &cuts[at + 1..];
    }
    Ok(parts)
}

/// A last index below `length` that fits, where 0 does. It tries few that are much too far.
pub(super) fn last_that(length: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut good, mut bad, mut step) = (0, length, 1);
    while good + step < bad {
        if fits(good + step) {
            good += step;
            step *= 2;
        } else {
            bad = good + step;
        }
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}

/// The index of the best of the cuts that fit.
fn best(start: usize, cuts: &[Cut]) -> usize {
    let last = cuts.len() - 1;
    let third = start + (cuts[last].left - start) / 3;
    let of_rank = |rank, least| cuts.iter().rposition(|cut| cut.rank >= rank && cut.left >= least);
    of_rank(Rank::Paragraph, third)
        .or_else(|| of_rank(Rank::Sentence, third))
        .or_else(|| of_rank(Rank::Word, start))
        .unwrap_or(last)
}

/// What must not be cut, in order and without overlaps.
fn kept(text: &str, count: Count) -> Vec<Range<usize>> {
    let dialect = count.dialect();
    let mut found = [links(text, dialect), mentions(text, dialect), hashtags(text, dialect)].concat();
    found.sort_by_key(|range| range.start);
    let mut kept: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match kept.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => kept.push(range),
        }
    }
    kept
}

/// Where the text begins, and every place where it can be cut, its end included.
fn cuts(text: &str, kept: &[Range<usize>]) -> (usize, Vec<Cut>) {
    let mut kept = kept.iter().peekable();
    let mut sentences = text.split_sentence_bound_indices().map(|(at, _)| at).peekable();
    let mut cuts = Vec::new();
    let (mut start, mut lines) = (None, 0);
    let (mut last, mut end, mut ended) = ("", 0, 0);
    for (at, cluster) in text.grapheme_indices(true) {
        if cluster.chars().all(is_space) {
            lines += cluster.chars().filter(|c| matches!(c, '\n' | '\u{2028}')).count();
            lines += 2 * usize::from(cluster == "\u{2029}");
            continue;
        }
        if start.is_none() {
            start = Some(at);
        } else {
            while let Some(range) = kept.next_if(|range| range.end <= end) {
                ended = range.end;
            }
            let begins =
                kept.peek().is_some_and(|range| range.start == at) && last.ends_with(char::is_alphanumeric);
            let ends = ended == end && cluster.starts_with(char::is_alphanumeric);
            while sentences.next_if(|sentence| *sentence < end).is_some() {}
            if kept.peek().is_none_or(|range| range.start >= at) {
                let rank = if lines >= 2 {
                    Rank::Paragraph
                } else if sentences.peek().is_some_and(|sentence| *sentence <= at) {
                    Rank::Sentence
                } else if at > end || begins || ends || (ends_word(last) && cluster.starts_with(is_ideograph))
                {
                    Rank::Word
                } else {
                    Rank::Cluster
                };
                cuts.push(Cut { left: end, right: at, rank });
            }
        }
        (last, end, lines) = (cluster, at + cluster.len(), 0);
    }
    if start.is_some() {
        cuts.push(Cut { left: end, right: text.len(), rank: Rank::Paragraph });
    }
    (start.unwrap_or_default(), cuts)
}

/// Space at which a line may break.
fn is_space(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

/// Whether a word may end after a cluster without a space, if an ideograph follows.
fn ends_word(cluster: &str) -> bool {
    cluster.starts_with(|c| is_ideograph(c) || matches!(c, '、' | '，' | '。' | '！' | '？' | '」' | '）'))
}

/// Characters of scripts that write no spaces.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests;

//! Posts as CSV: one line for each, with a header. docs/cli.md says what stands in which column.

use chrono::SecondsFormat;
use chrono_tz::Tz;
use csv::StringRecord;
use serde_json::Value;

use super::entry::Media;
use super::record::{Line, Record};
use super::{when, zone};
use crate::error::Error;

/// The columns, in the order of an export. An import takes them in any order, and may leave some out.
const COLUMNS: [&str; 9] =
    ["id", "scheduled_at", "zone", "accounts", "content", "media", "tags", "state", "url"];

/// The whole table.
pub(crate) fn write(records: &[Record]) -> Result<String, Error> {
    let failed = |error: csv::Error| Error::Refused(format!("the table can't be written: {error}"));
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    table.write_record(COLUMNS).map_err(failed)?;
    for record in records {
        let zone = record.zone.unwrap_or(Tz::UTC);
        let at = record.at.map(|at| at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false));
        let cells = [
            record.id.clone(),
            at.unwrap_or_default(),
            record.zone.map(|zone| zone.name().to_owned()).unwrap_or_default(),
            record.accounts.join(" "),
            record.content.clone(),
            media_cell(&record.media),
            tags_cell(&record.tags),
            record.state.clone(),
            record.urls.join(" "),
        ];
        table.write_record(cells.map(|cell| neutral(&cell))).map_err(failed)?;
    }
    let bytes = table.into_inner().map_err(|error| Error::Refused(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Error::Refused(error.to_string()))
}

/// One line for each item, its address and then what it shows; JSON where that would not be read the same.
fn media_cell(media: &[Media]) -> String {
    let is_plain = |media: &Media| {
        let alt = &media.alt;
        !alt.contains(['\n', '\r']) && alt.trim() == alt && !media.url.contains(char::is_whitespace)
    };
    if !media.iter().all(is_plain) {
        return Media::json(media).to_string();
    }
    let line = |media: &Media| {
        let kind = media.kind.as_ref().map(|kind| format!("{kind} ")).unwrap_or_default();
        format!("{kind}{} {}", media.url, media.alt).trim_end().to_owned()
    };
    media.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn read_media(cell: &str) -> Result<Vec<Media>, String> {
    let cell = cell.trim();
    if cell.starts_with('[') {
        let json: Value = serde_json::from_str(cell).map_err(|error| format!("media: not JSON: {error}"))?;
        return Media::list(&json).map_err(|why| format!("media: {why}"));
    }
    let line = |line: &str| {
        let (kind, rest) = match line.split_once(' ') {
            Some((kind @ ("image" | "video"), rest)) => (Some(kind.to_owned()), rest.trim_start()),
            _ => (None, line),
        };
        let (url, alt) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        Media { url: url.to_owned(), alt: alt.trim_start().to_owned(), kind }
    };
    Ok(cell.lines().map(str::trim).filter(|text| !text.is_empty()).map(line).collect())
}

fn tags_cell(tags: &[String]) -> String {
    let is_plain =
        |tag: &String| !tag.contains(',') && tag.trim() == tag && !tag.starts_with('[') && !tag.is_empty();
    if tags.iter().all(is_plain) { tags.join(", ") } else { Value::from(tags).to_string() }
}

fn read_tags(cell: &str) -> Result<Vec<String>, String> {
    if cell.trim_start().starts_with('[') {
        return serde_json::from_str(cell)
            .map_err(|error| format!("tags: not a JSON array of texts: {error}"));
    }
    Ok(cell.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect())
}

/// Spreadsheets run cells that begin so.
fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
}

/// A cell that no spreadsheet runs: an apostrophe stands before what it would. One before such apostrophes, too, so that
/// each import takes away what an export added.
fn neutral(cell: &str) -> String {
    if is_formula(cell.trim_start_matches('\'')) { format!("'{cell}") } else { cell.to_owned() }
}

fn meant(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

/// Which column of the file has what.
struct Header([Option<usize>; COLUMNS.len()]);

impl Header {
    fn read(found: &StringRecord) -> Result<Self, Error> {
        let mut header = Self([None; COLUMNS.len()]);
        for (at, name) in found.iter().enumerate() {
            let wanted = name.trim().to_lowercase();
            let column = COLUMNS.iter().position(|column| *column == wanted).ok_or_else(|| {
                let shown: String = name.chars().take(40).collect();
                refused(&format!("there is no column {shown:?}; the columns are {}", COLUMNS.join(", ")))
            })?;
            if header.0[column].replace(at).is_some() {
                return Err(refused(&format!("it has the column {wanted} twice")));
            }
        }
        let missing = |name: &str| header.column(name).is_none();
        if missing("content") && missing("media") {
            return Err(refused("it has neither the column content nor media"));
        }
        Ok(header)
    }

    fn column(&self, name: &str) -> Option<usize> {
        COLUMNS.iter().position(|column| *column == name).and_then(|column| self.0[column])
    }

    fn cell<'r>(&self, row: &'r StringRecord, name: &str) -> &'r str {
        meant(self.column(name).and_then(|at| row.get(at)).unwrap_or_default())
    }
}

fn refused(why: &str) -> Error {
    Error::Refused(format!("the first line of the table: {why}"))
}

/// Every line of a table. `zone`: of times that name none.
pub(crate) fn read(text: &str, zone: Tz) -> Result<Vec<Line>, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    // spreadsheets of many countries write semicolons
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|by| {
        // the first of equals
        (first.bytes().filter(|byte| byte == by).count(), *by == b',')
    });
    let mut table = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b','))
        .flexible(true)
        .from_reader(text.as_bytes());
    let unread = |error: csv::Error| Error::Refused(format!("the table can't be read: {error}"));
    let columns = table.headers().map_err(unread)?.clone();
    let header = Header::read(&columns)?;
    let mut lines = Vec::new();
    let mut counted = Counted { text, bytes: 0, line: 1 };
    for row in table.records() {
        let row = row.map_err(unread)?;
        let number = counted.line_at(row.position().map_or(0, csv::Position::byte));
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if row.len() != columns.len() {
            let why = format!("it has {} cells, and the first line {}", row.len(), columns.len());
            lines.push(Line { number, record: Err(why), note: None });
            continue;
        }
        let mut note = None;
        let record = record(&header, &row, zone, &mut note);
        lines.push(Line { number, record, note });
    }
    Ok(lines)
}

/// Counts lines up to a place. The reader's own count is that of the empty lines before a row.
struct Counted<'t> {
    text: &'t str,
    bytes: usize,
    line: u64,
}

impl Counted<'_> {
    fn line_at(&mut self, byte: u64) -> u64 {
        let bytes = self.text.as_bytes();
        let mut at = usize::try_from(byte).unwrap_or(bytes.len()).min(bytes.len());
        while matches!(bytes.get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        let passed = bytes.get(self.bytes..at).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.bytes = at;
        self.line
    }
}

fn record(
    header: &Header,
    row: &StringRecord,
    default: Tz,
    note: &mut Option<String>,
) -> Result<Record, String> {
    let cell = |name| header.cell(row, name);
    let listed = |name| cell(name).split_whitespace().map(str::to_owned).collect();
    let named = Some(cell("zone").trim()).filter(|name| !name.is_empty());
    let zone = named.map(zone::parse).transpose().map_err(|error| error.to_string())?;
    let at = match cell("scheduled_at").trim() {
        "" => None,
        text => {
            let when = when::read_absolute(text, zone.unwrap_or(default))
                .map_err(|why| format!("scheduled_at is {text:?}: {why}"))?;
            *note = when.note();
            Some(when.instant)
        }
    };
    Ok(Record {
        id: cell("id").trim().to_owned(),
        at,
        zone,
        accounts: listed("accounts"),
        content: cell("content").to_owned(),
        media: read_media(cell("media"))?,
        tags: read_tags(cell("tags"))?,
        state: cell("state").trim().to_lowercase(),
        urls: listed("url"),
    })
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;

//! Positions as bytes.

use super::{CursorError, MAX_CHARS, MAX_VALUES, Position};

/// What is left to read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Result<u8, CursorError> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CursorError> {
        self.take(N)?.try_into().map_err(|_| CursorError::Malformed)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], CursorError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CursorError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

pub(super) fn write_position(bytes: &mut Vec<u8>, position: &Position) -> Result<(), CursorError> {
    match position {
        Position::Id(id) => {
            bytes.push(1);
            bytes.extend_from_slice(id);
        }
        Position::Page(page, id) => {
            bytes.push(2);
            bytes.extend_from_slice(&page.to_be_bytes());
            bytes.extend_from_slice(id);
        }
        Position::Values(values) => {
            let count = u8::try_from(values.len()).ok().filter(|count| usize::from(*count) <= MAX_VALUES);
            bytes.push(3);
            bytes.push(count.ok_or(CursorError::TooLong(values.len()))?);
            for value in values {
                write_value(bytes, value.as_deref())?;
            }
        }
    }
    Ok(())
}

fn write_value(bytes: &mut Vec<u8>, value: Option<&str>) -> Result<(), CursorError> {
    bytes.push(u8::from(value.is_some()));
    if let Some(value) = value {
        let long = CursorError::TooLong(value.len());
        if value.len() > MAX_CHARS {
            return Err(long);
        }
        bytes.extend_from_slice(&u16::try_from(value.len()).map_err(|_| long)?.to_be_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    Ok(())
}

pub(super) fn read_position(reader: &mut Reader<'_>) -> Result<Position, CursorError> {
    match reader.byte()? {
        1 => Ok(Position::Id(reader.array()?)),
        2 => Ok(Position::Page(u32::from_be_bytes(reader.array()?), reader.array()?)),
        3 => {
            let count = usize::from(reader.byte()?);
            if count > MAX_VALUES {
                return Err(CursorError::Malformed);
            }
            (0..count).map(|_| read_value(reader)).collect::<Result<_, _>>().map(Position::Values)
        }
        _ => Err(CursorError::Malformed),
    }
}

fn read_value(reader: &mut Reader<'_>) -> Result<Option<String>, CursorError> {
    match reader.byte()? {
        0 => Ok(None),
        1 => {
            let length = u16::from_be_bytes(reader.array()?);
            let text = std::str::from_utf8(reader.take(usize::from(length))?);
            text.map(|text| Some(text.to_owned())).map_err(|_| CursorError::Malformed)
        }
        _ => Err(CursorError::Malformed),
    }
}

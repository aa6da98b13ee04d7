//! Takes out of a picture what its maker may not know is in it: place, time, camera, comments.
//!
//! Only the parts of the file are walked, no pixel is decoded. A file whose parts can't be told apart is left
//! as it is: the platform decides what it makes of it.

/// A picture without its metadata.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stripped {
    pub(super) bytes: Vec<u8>,
    /// It is shown on its side: what is stored as its width is seen as its height.
    pub(super) on_its_side: bool,
}

/// The picture without its metadata; `None` where its parts can't be told apart.
pub(super) fn strip(mime_type: &str, bytes: &[u8]) -> Option<Stripped> {
    match mime_type {
        "image/jpeg" => jpeg(bytes),
        "image/png" => png(bytes).map(upright),
        "image/webp" => webp(bytes).map(upright),
        _ => None,
    }
}

fn upright(bytes: Vec<u8>) -> Stripped {
    Stripped { bytes, on_its_side: false }
}

/// Drops APP1 (Exif, XMP), APP13 (IPTC), the index of further pictures and all that follows the end, where
/// those pictures and films are. The colour profile stays, and so does the orientation.
fn jpeg(bytes: &[u8]) -> Option<Stripped> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    let mut out = vec![0xff, 0xd8];
    let mut turned = None;
    loop {
        rest = rest.strip_prefix(&[0xff])?;
        while let [0xff, after @ ..] = rest {
            rest = after; // Padding.
        }
        let marker = *rest.first()?;
        if marker == 0xd9 {
            out.extend([0xff, 0xd9]);
            break;
        }
        if matches!(marker, 0 | 1 | 0xd0..=0xd8) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes(array(rest, 1)?));
        let (segment, after) = rest.split_at_checked(1 + length)?;
        let content = segment.get(3..)?;
        match marker {
            0xe1 => {
                if let Some(orientation) = content.strip_prefix(b"Exif\0\0").and_then(orientation)
                    && turned.is_none()
                {
                    out.extend(exif(orientation));
                    turned = Some(orientation);
                }
            }
            0xed => {}
            0xe2 if content.starts_with(b"MPF\0") => {}
            _ => {
                out.push(0xff);
                out.extend(segment);
            }
        }
        rest = after;
        if marker == 0xda {
            // Up to the next marker that is not part of the pixels.
            let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
            let Some(end) = rest.windows(2).position(is_end) else {
                out.extend(rest); // Cut off, but people see what is there.
                break;
            };
            out.extend(&rest[..end]);
            rest = &rest[end..];
        }
    }
    Some(Stripped { bytes: out, on_its_side: turned.is_some_and(|orientation| orientation >= 5) })
}

/// How the picture is to be turned, if it is: 2 to 8.
fn orientation(tiff: &[u8]) -> Option<u8> {
    let big = match tiff.get(..2)? {
        b"MM" => true,
        b"II" => false,
        _ => return None,
    };
    let short = |at| array(tiff, at).map(if big { u16::from_be_bytes } else { u16::from_le_bytes });
    let long = |at| array(tiff, at).map(if big { u32::from_be_bytes } else { u32::from_le_bytes });
    let directory = usize::try_from(long(4)?).ok()?;
    let entries = (0..usize::from(short(directory)?)).map(|n| directory.saturating_add(2 + 12 * n));
    let mut found = entries.take_while(|at| *at < tiff.len()).filter(|at| short(*at) == Some(0x0112));
    let at = found.next()?;
    let value = u8::try_from(short(at + 8)?).ok()?;
    (short(at + 2) == Some(3) && (2..=8).contains(&value)).then_some(value)
}

/// A segment that says the orientation and nothing else.
fn exif(orientation: u8) -> Vec<u8> {
    let mut segment = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    segment.push(orientation);
    segment.extend([0; 6]);
    segment
}

/// Drops Exif and texts, and what follows the end.
fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let signature = b"\x89PNG\r\n\x1a\n";
    let mut rest = bytes.strip_prefix(signature)?;
    let mut out = signature.to_vec();
    loop {
        let length = usize::try_from(u32::from_be_bytes(array(rest, 0)?)).ok()?;
        let (chunk, after) = rest.split_at_checked(length.checked_add(12)?)?;
        let name = chunk.get(4..8)?;
        if ![b"eXIf", b"tEXt", b"iTXt", b"zTXt"].iter().any(|dropped| name == *dropped) {
            out.extend(chunk);
        }
        if name == b"IEND" {
            return Some(out);
        }
        rest = after;
    }
}

/// Drops Exif and XMP, and what follows the end.
fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let size = usize::try_from(u32::from_le_bytes(array(bytes, 4)?)).ok()?;
    let file = bytes.get(..size.checked_add(8)?)?;
    let mut rest = file.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBP")?;
    let mut out = file.get(..12)?.to_vec();
    while !rest.is_empty() {
        let length = usize::try_from(u32::from_le_bytes(array(rest, 4)?)).ok()?;
        // Chunks are padded to even lengths.
        let (chunk, after) = rest.split_at_checked(length.checked_add(8 + length % 2)?)?;
        let start = out.len();
        if !matches!(&chunk[..4], b"EXIF" | b"XMP ") {
            out.extend(chunk);
        }
        if chunk.starts_with(b"VP8X")
            && let Some(flags) = out.get_mut(start + 8)
        {
            *flags &= !0b1100; // It has neither Exif nor XMP now.
        }
        rest = after;
    }
    let size = u32::try_from(out.len() - 8).ok()?;
    out[4..8].copy_from_slice(&size.to_le_bytes());
    Some(out)
}

/// The `N` bytes at a place.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests;

//! Small images and videos for posts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A PNG of one colour.
pub fn png(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]); // eight bits, red green blue, nothing special
    let row = [vec![0], colour.repeat(width as usize)].concat();
    let pixels = row.repeat(height as usize);
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", zlib(&pixels)), (b"IEND", Vec::new())] {
        image.extend((data.len() as u32).to_be_bytes());
        image.extend(kind);
        image.extend(&data);
        image.extend(crc32(&[kind.as_slice(), &data].concat()).to_be_bytes());
    }
    image
}

/// What passes for a video of 16 by 9, different each time.
pub fn film() -> Vec<u8> {
    let boxed = |kind: &[u8; 4], content: &[u8]| {
        [&(content.len() as u32 + 8).to_be_bytes(), kind.as_slice(), content].concat()
    };
    let mut head = vec![0; 76];
    head.extend([0, 16, 0, 0, 0, 9, 0, 0]);
    let movie = boxed(b"moov", &boxed(b"trak", &boxed(b"tkhd", &head)));
    let pictures = [uuid::Uuid::new_v4().as_bytes().as_slice(), &[7; 100_000]].concat();
    [boxed(b"ftyp", b"isom\0\0\x02\0isomiso2mp41"), movie, boxed(b"mdat", &pictures)].concat()
}

/// Bytes as a `data:` address.
pub fn data_url(mime_type: &str, bytes: &[u8]) -> String {
    format!("data:{mime_type};base64,{}", STANDARD.encode(bytes))
}

/// Stored, not compressed.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_right() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert!(zlib(b"Wikipedia").ends_with(&0x11e6_0398_u32.to_be_bytes()));
        let size = imagesize::blob_size(&png(4, 3, [64, 128, 192])).map(|size| (size.width, size.height));
        assert_eq!(size.ok(), Some((4, 3)));
    }
}

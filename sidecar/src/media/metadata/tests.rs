use super::*;
use proptest::prelude::*;

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], &length[..], content].concat()
}

/// An Exif segment as cameras write it, with a place after the orientation.
fn camera(orientation: u8) -> Vec<u8> {
    let tiff = [
        &b"Exif\0\0II*\0\x08\0\0\0\x02\0"[..],
        &[0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0],
        b"\x25\x88\x04\0\x01\0\0\0\x26\0\0\0\0\0\0\0secret place",
    ];
    segment(0xe1, &tiff.concat())
}

/// A JPEG of 3 by 2 pixels with these segments; its pixels are not real, its parts are.
fn jpeg_with(segments: &[Vec<u8>]) -> Vec<u8> {
    let frame = segment(0xc0, &[8, 0, 2, 0, 3, 1, 1, 0x11, 0]);
    let scan = [segment(0xda, &[1, 1, 0, 0, 63, 0]), vec![1, 0xff, 0, 2, 0xff, 0xd0, 3]].concat();
    [
        &[0xff, 0xd8][..],
        &segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0"),
        &segments.concat(),
        &frame,
        &scan,
    ]
    .concat()
}

fn chunk(name: &[u8], content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).unwrap().to_be_bytes(), name, content, b"crc!"].concat()
}

fn riff(chunks: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, content) in chunks {
        body.extend(*name);
        body.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        body.extend(*content);
        body.extend(vec![0; content.len() % 2]);
    }
    [b"RIFF", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn size(bytes: &[u8]) -> (usize, usize) {
    let size = imagesize::blob_size(bytes).unwrap();
    (size.width, size.height)
}

#[test]
fn a_jpeg_keeps_nothing_but_the_picture() {
    let profile = segment(0xe2, b"ICC_PROFILE\0colours");
    let end = vec![0xff, 0xd9];
    let dirty = [
        jpeg_with(&[
            camera(1),
            segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0secret"),
            segment(0xed, b"secret"),
            segment(0xe2, b"MPF\0secret"),
            profile.clone(),
        ]),
        end.clone(),
        b"secret film".to_vec(),
    ]
    .concat();
    let stripped = jpeg(&dirty).unwrap();
    assert_eq!(stripped, upright([jpeg_with(&[profile]), end].concat()));
    assert_eq!(size(&stripped.bytes), (3, 2));
}

#[test]
fn a_jpeg_of_more_scans_is_cleaned_to_its_end() {
    let scan = [segment(0xda, &[1, 1, 0, 0, 63, 0]), vec![4]].concat();
    let file = |between: &[u8]| [&jpeg_with(&[]), between, &scan, &[0xff, 0xd9]].concat();
    assert_eq!(jpeg(&file(&camera(1))), Some(upright(file(&[]))));
}

#[test]
fn a_turned_jpeg_stays_turned() {
    for turn in 2..=8 {
        let dirty = [jpeg_with(&[camera(turn)]), vec![0xff, 0xd9]].concat();
        let stripped = jpeg(&dirty).unwrap();
        assert!(!holds(&stripped.bytes, b"secret"));
        assert_eq!(stripped.on_its_side, turn >= 5, "{turn}");
        assert_eq!(stripped.bytes, [jpeg_with(&[exif(turn)]), vec![0xff, 0xd9]].concat());
        assert_eq!(orientation(&exif(turn)[10..]), Some(turn));
        assert_eq!(jpeg(&stripped.bytes), Some(stripped));
    }
}

#[test]
fn the_sides_are_told_as_people_see_them() {
    for (turn, seen) in [(1, (3, 2)), (3, (3, 2)), (6, (2, 3))] {
        let bytes = [jpeg_with(&[camera(turn)]), vec![0xff, 0xd9]].concat();
        let picture = crate::media::inspect(&crier_core::platform::bluesky::PLATFORM, 1, bytes).unwrap();
        assert!(!holds(&picture.bytes, b"secret"));
        assert_eq!((picture.width, picture.height), seen, "{turn}");
    }
}

#[test]
fn a_png_keeps_nothing_but_the_picture() {
    let header = chunk(b"IHDR", b"\0\0\0\x03\0\0\0\x02\x08\0\0\0\0");
    let file = |between: &[u8]| {
        let pixels = chunk(b"IDAT", b"x");
        [b"\x89PNG\r\n\x1a\n", &header[..], between, &pixels, &chunk(b"IEND", b"")].concat()
    };
    let secrets = [b"eXIf", b"tEXt", b"iTXt", b"zTXt"].map(|name| chunk(name, b"secret")).concat();
    let dirty = [file(&secrets), b"secret".to_vec()].concat();
    assert_eq!(png(&dirty), Some(file(b"")));
    assert_eq!(size(&file(b"")), (3, 2));
}

#[test]
fn a_webp_keeps_nothing_but_the_picture() {
    let header = |flags: u8| [flags, 0, 0, 0, 2, 0, 0, 1, 0, 0];
    let dirty = riff(&[
        (b"VP8X", &header(0b0011_1110)),
        (b"VP8L", b"odd"),
        (b"EXIF", b"secret!"),
        (b"XMP ", b"secret"),
    ]);
    let clean = riff(&[(b"VP8X", &header(0b0011_0010)), (b"VP8L", b"odd")]);
    assert_eq!(webp(&[&dirty[..], b"secret"].concat()), Some(clean.clone()));
    assert_eq!(size(&clean), (3, 2));
}

#[test]
fn what_can_not_be_told_apart_is_left_as_it_is() {
    let whole = jpeg_with(&[camera(6)]);
    let pixels = whole.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 10;
    for end in 0..pixels {
        assert_eq!(jpeg(&whole[..end]), None, "{end}");
    }
    for end in pixels..whole.len() {
        assert!(!holds(&jpeg(&whole[..end]).unwrap().bytes, b"secret"), "{end}");
    }
    let whole = riff(&[(b"EXIF", b"secret")]);
    for end in 0..whole.len() {
        assert_eq!(webp(&whole[..end]), None, "{end}");
    }
    assert_eq!(png(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR"), None);
    assert_eq!(strip("image/gif", b"GIF89a"), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        kind in 0_usize..3,
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (mime_type, start) = [
            ("image/jpeg", jpeg_with(&[camera(6), segment(0xed, &noise)])),
            ("image/png", [b"\x89PNG\r\n\x1a\n", &chunk(b"IHDR", b"\0\0\0\x03\0\0\0\x02\x08\0\0\0\0")[..]].concat()),
            ("image/webp", riff(&[(b"VP8X", &[8, 0, 0, 0, 2, 0, 0, 1, 0, 0]), (b"EXIF", &noise)])),
        ][kind].clone();
        strip(mime_type, &noise);
        let mut bytes = [start, noise].concat();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Some(stripped) = strip(mime_type, &bytes) {
            prop_assert!(stripped.bytes.len() <= bytes.len() + 36);
        }
    }
}

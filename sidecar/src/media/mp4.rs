//! What an MP4 says about itself: width and height of its first track that has any, and how long it lasts.

use std::time::Duration;

/// The most that a platform is told of a side.
const MAX_SIDE: u32 = 65_535;

/// Width and height, if these first bytes of a file hold its description. Players tell it from the file too; this only keeps
/// a place for it until then.
pub(crate) fn shape(bytes: &[u8]) -> Option<(u32, u32)> {
    let movie = boxes(bytes).find(|(kind, _)| *kind == b"moov")?.1;
    let tracks = boxes(movie).filter(|(kind, _)| *kind == b"trak");
    tracks
        .filter_map(|(_, track)| boxes(track).find(|(kind, _)| *kind == b"tkhd"))
        .find_map(|(_, head)| of(head))
}

/// How long it lasts, if these first bytes of a file hold its description.
pub(crate) fn length(bytes: &[u8]) -> Option<Duration> {
    let movie = boxes(bytes).find(|(kind, _)| *kind == b"moov")?.1;
    let head = boxes(movie).find(|(kind, _)| *kind == b"mvhd")?.1;
    let number = |at: usize| Some(u32::from_be_bytes(*head.get(at..)?.first_chunk::<4>()?));
    // version and flags; two times, twice as long in version 1; units in a second; how many of them
    let (scale, units) = match head.first()? {
        0 => (number(12)?, u64::from(number(16)?)),
        1 => (number(20)?, u64::from_be_bytes(*head.get(24..)?.first_chunk::<8>()?)),
        _ => return None,
    };
    let (scale, is_told) = (u64::from(scale), units != u64::MAX && units != u64::from(u32::MAX));
    let millis = (scale > 0 && is_told).then(|| units.checked_mul(1_000)).flatten()? / scale;
    Some(Duration::from_millis(millis))
}

/// The boxes that are there as a whole, one after the other.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (short, rest) = bytes.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let (len, rest) = match u32::from_be_bytes(*short) {
            1 => {
                let (long, rest) = rest.split_first_chunk::<8>()?;
                (u64::from_be_bytes(*long).checked_sub(16)?, rest)
            }
            short => (u64::from(short).checked_sub(8)?, rest),
        };
        let (content, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        bytes = rest;
        Some((kind, content))
    })
}

/// The sides that the head of a track states, exchanged where it is shown on its side.
fn of(head: &[u8]) -> Option<(u32, u32)> {
    // version and flags; times, twice as long in version 1; layer, group, volume; then the matrix of nine
    let matrix = match head.first()? {
        0 => 40,
        1 => 52,
        _ => return None,
    };
    let number = |at: usize| Some(u32::from_be_bytes(*head.get(at..)?.first_chunk::<4>()?));
    let side = |at: usize| Some(number(at)? >> 16).filter(|side| (1..=MAX_SIDE).contains(side));
    let (width, height) = (side(matrix + 36)?, side(matrix + 40)?);
    let on_its_side = number(matrix)? == 0 && number(matrix + 4)? != 0;
    Some(if on_its_side { (height, width) } else { (width, height) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let len = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
        [&len, kind.as_slice(), content].concat()
    }

    fn track(version: u8, turned: bool, width: u32, height: u32) -> Vec<u8> {
        let mut head = vec![0; if version == 1 { 52 } else { 40 }];
        head[0] = version;
        let (a, b) = if turned { (0, 0x1_0000) } else { (0x1_0000, 0_u32) };
        for number in [a, b, 0, 0, 0, 0, 0, 0, 0x4000_0000, width << 16, height << 16] {
            head.extend(number.to_be_bytes());
        }
        boxed(b"trak", &boxed(b"tkhd", &head))
    }

    fn movie(tracks: &[Vec<u8>]) -> Vec<u8> {
        [boxed(b"ftyp", b"isom"), boxed(b"moov", &[boxed(b"mvhd", &[0; 100]), tracks.concat()].concat())]
            .concat()
    }

    #[test]
    fn the_first_track_that_is_seen_tells() {
        let sound = track(0, false, 0, 0);
        assert_eq!(shape(&movie(&[sound.clone(), track(1, false, 1_920, 1_080)])), Some((1_920, 1_080)));
        assert_eq!(shape(&movie(&[track(0, true, 1_920, 1_080)])), Some((1_080, 1_920)));
        assert_eq!(shape(&movie(&[sound, track(2, false, 4, 3)])), None);
        let whole = movie(&[track(0, false, 4, 3)]);
        assert_eq!(shape(&[whole.clone(), boxed(b"mdat", &[7; 9])].concat()), Some((4, 3)));
        // what is not there as a whole is not believed
        assert_eq!(shape(&whole[..whole.len() - 1]), None);
        let long =
            [&1_u32.to_be_bytes(), b"free".as_slice(), &20_u64.to_be_bytes(), &[0; 4], &whole].concat();
        assert_eq!(shape(&long), Some((4, 3)));
    }

    #[test]
    fn it_lasts_as_long_as_it_says() {
        let lasting = |head: &[u8]| boxed(b"moov", &boxed(b"mvhd", head));
        let short = |scale: u32, units: u32| {
            lasting(&[&[0; 12], scale.to_be_bytes().as_slice(), &units.to_be_bytes()].concat())
        };
        assert_eq!(length(&short(600, 900)), Some(Duration::from_millis(1_500)));
        let long =
            [&[1; 1], [0; 19].as_slice(), &1_000_u32.to_be_bytes(), &61_000_u64.to_be_bytes()].concat();
        assert_eq!(length(&lasting(&long)), Some(Duration::from_secs(61)));
        for odd in [short(0, 900), short(600, u32::MAX), lasting(&[2; 40]), lasting(&[0; 15]), vec![]] {
            assert_eq!(length(&odd), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let movie = [boxed(b"moov", &bytes), boxed(b"moov", &boxed(b"mvhd", &bytes))];
            let _ = (shape(&bytes), shape(&movie[0]), of(&bytes), length(&movie[0]), length(&movie[1]));
        }
    }
}

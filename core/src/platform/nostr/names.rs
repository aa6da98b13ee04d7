//! What Nostr calls its keys and events (NIP-19): words that begin with what they are, and 64 digits.

use bech32::{Bech32, Hrp};

use super::after;
use crate::platform::MAX_EXTERNAL_ID;

/// A public key, a secret one, or the hash of an event.
pub type Key = [u8; 32];

/// The most bytes of a word, and the most relays that are read of one.
const MAX_WORD: usize = 1_000;
const MAX_HINTS: usize = 11;
/// The most bytes that stand in a word which is kept as a post's: five bits a character, beside how it begins and its checksum.
const MAX_BYTES: usize = (MAX_EXTERNAL_ID - "nevent1".len() - 6) * 5 / 8;
/// What an entry has besides what it says, and how many bytes a key has.
const ENTRY: usize = 2;
const KEY: usize = 32;
/// The most bytes of relays in such a word, each with its entry.
pub(super) const MAX_RELAY_BYTES: usize = MAX_BYTES - 2 * (ENTRY + KEY);

/// An event, as far as a word tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// Its hash.
    pub id: Key,
    /// Who wrote it.
    pub author: Option<Key>,
    /// Where it may be found.
    pub relays: Vec<String>,
}

/// What stands in a word that begins so.
fn word(text: &str, begins: &str) -> Option<Vec<u8>> {
    let is_word = text.len() <= MAX_WORD && text.get(..begins.len()) == Some(begins);
    let (hrp, bytes) = bech32::decode(text).ok().filter(|_| is_word)?;
    (hrp.as_str() == begins).then_some(bytes)
}

fn write(begins: &str, bytes: &[u8]) -> String {
    let word = Hrp::parse(begins).ok().and_then(|hrp| bech32::encode::<Bech32>(hrp, bytes).ok());
    // neither is too long nor begins with something odd
    word.unwrap_or_default()
}

fn digits(text: &str) -> Option<Key> {
    let bytes = text.as_bytes();
    let digit =
        |at: usize| char::from(*bytes.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut key = [0; 32];
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = digit(2 * at)? << 4 | digit(2 * at + 1)?;
    }
    (bytes.len() == 64).then_some(key)
}

fn key(bytes: &[u8]) -> Option<Key> {
    bytes.try_into().ok()
}

/// The entries of a word that has several: their types, and what they say.
fn entries(bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let (mut found, mut rest) = (vec![], bytes);
    while let [kind, len, tail @ ..] = rest {
        let Some((said, next)) = tail.split_at_checked(usize::from(*len)) else { break };
        found.push((*kind, said));
        rest = next;
    }
    found
}

/// A public key: `npub1…`, `nprofile1…`, or 64 digits.
pub fn public_key(text: &str) -> Option<Key> {
    let profile = || {
        let bytes = word(text, "nprofile")?;
        entries(&bytes).into_iter().find(|(kind, _)| *kind == 0).and_then(|(_, said)| key(said))
    };
    digits(text).or_else(|| key(&word(text, "npub")?)).or_else(profile)
}

/// A secret key: `nsec1…`, or 64 digits.
pub fn secret_key(text: &str) -> Option<Key> {
    digits(text).or_else(|| key(&word(text, "nsec")?))
}

/// What a public key is called.
pub fn npub(key: &Key) -> String {
    write("npub", key)
}

/// What an event is called, with where it is: as many of the relays as have room, the first before the others.
pub fn nevent<'r>(id: &Key, author: &Key, relays: impl IntoIterator<Item = &'r String>) -> String {
    let (mut bytes, mut room) = (Vec::new(), MAX_RELAY_BYTES);
    let mut entry = |kind: u8, said: &[u8]| {
        if let Ok(len) = u8::try_from(said.len()) {
            bytes.extend([kind, len]);
            bytes.extend(said);
        }
    };
    entry(0, id);
    for relay in relays {
        if let Some(left) = room.checked_sub(ENTRY + relay.len()) {
            entry(1, relay.as_bytes());
            room = left;
        }
    }
    entry(2, author);
    write("nevent", &bytes)
}

/// Pages that show events.
const PAGES: [&str; 4] = ["nostr:", "https://njump.me/", "https://njump.to/", "https://primal.net/e/"];

/// An event: `nevent1…`, `note1…`, 64 digits, or the address of a page that shows one.
pub fn event_ref(text: &str) -> Option<EventRef> {
    let text = after(text, &PAGES).unwrap_or(text);
    if let Some(id) = digits(text).or_else(|| key(&word(text, "note")?)) {
        return Some(EventRef { id, author: None, relays: vec![] });
    }
    let bytes = word(text, "nevent")?;
    let entries = entries(&bytes);
    let first = |wanted: u8| entries.iter().find(|(kind, _)| *kind == wanted).and_then(|(_, said)| key(said));
    let relays = entries.iter().filter(|(kind, _)| *kind == 1).take(MAX_HINTS);
    Some(EventRef {
        id: first(0)?,
        author: first(2),
        relays: relays.filter_map(|(_, said)| String::from_utf8(said.to_vec()).ok()).collect(),
    })
}

/// The words of a text that name somebody, or an event (NIP-27): `nostr:npub1…`.
pub fn mentions(text: &str) -> impl Iterator<Item = &str> {
    let ends = |word: &str| word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
    text.match_indices("nostr:").filter_map(move |(at, begin)| {
        let word = text.get(at + begin.len()..)?;
        word.get(..ends(word)).filter(|word| word.len() > 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // of NIP-19
    const HEX: &str = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e";
    const NPUB: &str = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg";
    const NSEC: &str = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";
    const NPROFILE: &str = "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p";

    #[test]
    fn keys_are_read_as_the_standard_writes_them() {
        let key = public_key(NPUB).unwrap();
        assert_eq!((Some(key), npub(&key).as_str()), (public_key(HEX), NPUB));
        assert!(secret_key(NSEC).is_some() && secret_key(HEX).is_some());
        let of = public_key("3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d");
        assert_eq!(public_key(NPROFILE), of);
        for odd in
            ["", "npub1", NSEC, &NPUB[..60], &NPUB.replace('q', "p"), &HEX[1..], &format!("{HEX}0"), "é"]
        {
            assert_eq!(public_key(odd), None, "{odd}");
        }
        assert_eq!(secret_key(NPUB), None);
    }

    #[test]
    fn events_are_read_back() {
        let (id, author) = (public_key(HEX).unwrap(), [7; 32]);
        let relays = ["wss://a.example".to_owned(), "wss://b.example:1".to_owned()];
        let word = nevent(&id, &author, &relays);
        let expected = EventRef { id, author: Some(author), relays: relays.to_vec() };
        for text in [word.clone(), format!("nostr:{word}"), format!("https://njump.me/{word}")] {
            assert_eq!(event_ref(&text).as_ref(), Some(&expected), "{text}");
        }
        let note = write("note", &id);
        assert_eq!(event_ref(&note).map(|event| event.id), Some(id));
        assert_eq!(event_ref(HEX).map(|event| event.id), Some(id));
        for odd in ["", NPUB, "note1", &word[..50], "https://a.example/note1", &write("nevent", &[0, 9, 1])] {
            assert_eq!(event_ref(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_name_has_the_relays_that_have_room() {
        let (id, author) = (public_key(HEX).unwrap(), [7; 32]);
        let relay = |length: usize| format!("wss://{}", "a".repeat(length - 6));
        let fits: Vec<_> = (0..10).map(|_| relay(21)).chain([relay(6)]).collect();
        for (relays, kept) in [
            (fits, 10),
            ((0..11).map(|_| relay(200)).collect(), 1),
            (vec![relay(235), relay(234), relay(20)], 1),
            (vec![relay(300), relay(20)], 1),
            (vec![], 0),
        ] {
            let word = nevent(&id, &author, &relays);
            let read = event_ref(&word).expect("a name");
            assert_eq!((read.id, read.author, read.relays.len()), (id, Some(author), kept));
            assert!(word.len() <= MAX_EXTERNAL_ID && read.relays.iter().all(|relay| relays.contains(relay)));
        }
    }

    #[test]
    fn mentions_are_found_in_a_text() {
        let text = format!("by nostr:{NPUB}, and nostr:{NPROFILE}. nostr: nostr:x (nostr:{NPUB})é");
        assert_eq!(mentions(&text).collect::<Vec<_>>(), [NPUB, NPROFILE, NPUB]);
    }
}

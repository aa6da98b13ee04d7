//! A cursor comes back as it was made, and nothing else passes for one.

use proptest::prelude::*;

use super::*;

fn listing() -> impl Strategy<Value = Listing> {
    prop::sample::select(&Listing::ALL[..])
}

fn order() -> impl Strategy<Value = Order> {
    prop::sample::select(&[Order::Descending, Order::Ascending][..])
}

fn position() -> impl Strategy<Value = Position> {
    let value = prop::option::of("\\PC{0,40}");
    prop_oneof![
        any::<[u8; 16]>().prop_map(Position::Id),
        any::<(u32, [u8; 16])>().prop_map(|(page, id)| Position::Page(page, id)),
        prop::collection::vec(value, 0..=MAX_VALUES).prop_map(Position::Values),
    ]
}

prop_compose! {
    fn cursor()(listing in listing(), order in order(), bytes in any::<[u8; 8]>(), position in position()) -> Cursor {
        Cursor { listing, order, binding: Binding(bytes), position }
    }
}

/// Bytes with a right checksum, as somebody who knows the format can make them.
fn forged(body: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([body, &checksum(body)].concat())
}

proptest! {
    #[test]
    fn a_cursor_comes_back_as_it_was(cursor in cursor()) {
        let text = cursor.encode().expect("it is short enough");
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        prop_assert_eq!(Cursor::decode(&text), Ok(cursor.clone()));
        let resumed = Cursor::resume(&text, cursor.listing, cursor.order, cursor.binding);
        prop_assert_eq!(resumed, Ok(cursor.position));
    }

    #[test]
    fn a_part_of_a_cursor_is_refused(cursor in cursor(), keep in 0.0..1.0_f64) {
        let text = cursor.encode().expect("it is short enough");
        let part = &text[..(text.len() as f64 * keep) as usize];
        prop_assert_eq!(Cursor::decode(part), Err(CursorError::Malformed));
    }

    #[test]
    fn a_changed_cursor_is_refused(cursor in cursor(), at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let text = cursor.encode().expect("it is short enough");
        let mut bytes = URL_SAFE_NO_PAD.decode(&text).expect("what was encoded");
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        prop_assert_eq!(Cursor::decode(&URL_SAFE_NO_PAD.encode(bytes)), Err(CursorError::Malformed));
    }

    #[test]
    fn garbage_is_refused_and_harms_nothing(text in ".{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert_eq!(Cursor::decode(&text), Err(CursorError::Malformed));
        prop_assert_eq!(Cursor::decode(&URL_SAFE_NO_PAD.encode(bytes)), Err(CursorError::Malformed));
    }

    #[test]
    fn garbage_with_a_right_checksum_is_refused_or_read_exactly(body in prop::collection::vec(0..6_u8, 0..60)) {
        let text = forged(&body);
        if let Ok(cursor) = Cursor::decode(&text) {
            prop_assert_eq!(cursor.encode(), Ok(text), "two cursors mean the same");
        }
    }

    #[test]
    fn other_filters_have_another_binding(
        one in prop::collection::vec(("[ab]{0,2}", prop::option::of("[ab]{0,2}")), 0..4),
        two in prop::collection::vec(("[ab]{0,2}", prop::option::of("[ab]{0,2}")), 0..4),
    ) {
        let bind = |values: &Vec<(String, Option<String>)>| {
            Binding::of(values.iter().map(|(name, value)| (name.as_str(), value.as_deref())))
        };
        prop_assert_eq!(bind(&one) == bind(&two), one == two);
    }
}

fn example() -> Cursor {
    Cursor {
        listing: Listing::Jobs,
        order: Order::Descending,
        binding: Binding::of([("user", Some("ann"))]),
        position: Position::Id([7; 16]),
    }
}

#[test]
fn a_cursor_of_another_listing_filter_or_order_is_refused() {
    let cursor = example();
    let text = cursor.encode().expect("a cursor");
    let resume = |listing, order, binding| Cursor::resume(&text, listing, order, binding);
    let other = Err(CursorError::Listing { found: Listing::Jobs, expected: Listing::Posts });
    assert_eq!(resume(Listing::Posts, cursor.order, cursor.binding), other);
    assert_eq!(resume(cursor.listing, Order::Ascending, cursor.binding), Err(CursorError::Binding));
    let bob = Binding::of([("user", Some("bob"))]);
    assert_eq!(resume(cursor.listing, cursor.order, bob), Err(CursorError::Binding));
}

#[test]
fn another_version_is_named() {
    let bytes = URL_SAFE_NO_PAD.decode(example().encode().expect("a cursor")).expect("base64");
    for version in [0, 2, 255] {
        let mut body = bytes[..bytes.len() - CHECKSUM_LEN].to_vec();
        body[0] = version;
        assert_eq!(Cursor::decode(&forged(&body)), Err(CursorError::Version(version)));
    }
}

#[test]
fn what_follows_a_cursor_or_pads_it_is_refused() {
    let text = example().encode().expect("a cursor");
    for end in ["A", "AAAA", "=", "==", "\n", " "] {
        assert_eq!(Cursor::decode(&format!("{text}{end}")), Err(CursorError::Malformed), "{end:?}");
    }
    assert_eq!(Cursor::decode(&"A".repeat(MAX_CHARS + 1)), Err(CursorError::Malformed));
    assert_eq!(Cursor::decode(""), Err(CursorError::Malformed));
}

#[test]
fn values_that_are_too_long_are_refused_when_the_cursor_is_made() {
    for length in [MAX_CHARS, 100_000] {
        let position = Position::Values(vec![Some("x".repeat(length))]);
        let made = Cursor { position, ..example() }.encode();
        assert!(matches!(made, Err(CursorError::TooLong(_))), "{length}: {made:?}");
    }
    let position = Position::Values(vec![None; MAX_VALUES + 1]);
    assert_eq!(Cursor { position, ..example() }.encode(), Err(CursorError::TooLong(MAX_VALUES + 1)));
}

#[test]
fn the_format_is_the_released_one() {
    assert_eq!(example().encode().expect("a cursor"), RELEASED);
}

/// A cursor that version 1 made: clients may hold such.
const RELEASED: &str = "AQEAzwaujUCVTX8BBwcHBwcHBwcHBwcHBwcHB4zbQ98";

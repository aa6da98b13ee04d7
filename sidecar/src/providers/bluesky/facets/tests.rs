use super::*;

#[test]
fn offsets_are_bytes_of_utf_8() {
    let text = "👨‍👩‍👧‍👧 @a.test é https://b.example #日本";
    let dids = BTreeMap::from([("a.test".to_owned(), Some("did:plc:a".to_owned()))]);
    let facets = facets(text, &dids);
    assert_eq!(
        facets[0],
        json!({
            "index": { "byteStart": 26, "byteEnd": 33 },
            "features": [{ "$type": "app.bsky.richtext.facet#mention", "did": "did:plc:a" }],
        })
    );
    assert_eq!(facets[1]["features"][0]["uri"], "https://b.example");
    assert_eq!(facets[2]["features"][0]["tag"], "日本");
}

#[test]
fn a_link_that_can_not_be_followed_is_plain_text() {
    for text in ["https://user:pass@a.example/", "https://[", "https://a.example:99999/"] {
        assert_eq!(facets(text, &BTreeMap::new()), Vec::<Value>::new(), "{text}");
    }
}

#[test]
fn a_mention_of_nobody_is_plain_text() {
    let dids = BTreeMap::from([("a.test".to_owned(), None)]);
    assert_eq!(facets("@a.test @b.test", &dids), Vec::<Value>::new());
    assert_eq!(mentioned("@B.test @a.test @b.test"), ["b.test", "a.test"]);
}

#[test]
fn too_many_mentions_are_cut_off() {
    let text: String = (0..40).map(|n| format!("@z{}.test @z0.test ", 40 - n)).collect();
    let handles = mentioned(&text);
    assert_eq!(handles.len(), MAX_MENTIONED);
    assert_eq!(handles[..3], ["z40.test", "z0.test", "z39.test"]);
}

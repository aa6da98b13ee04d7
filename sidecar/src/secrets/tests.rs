//! What seals opens at its place and nowhere else, whatever was done to it.

use std::sync::Arc;

use crier_core::sealed::AnySealed;
use crier_core::sealed::enveloped::Wrapped;
use proptest::prelude::*;
use uuid::Uuid;

use super::cache::BLOCK;
use super::memory::{Memory, on};
use super::{DataKey, Place, Session, Vault};
use crate::error::Error;

fn credential(workspace: u128, account: u128, generation: i64) -> Place {
    let (workspace_id, account_id) = (Uuid::from_u128(workspace), Uuid::from_u128(account));
    Place::Credential { workspace_id, account_id, generation }
}

fn endpoint(workspace: Option<u128>, endpoint: u128) -> Place {
    let (workspace_id, endpoint_id) = (workspace.map(Uuid::from_u128), Uuid::from_u128(endpoint));
    Place::AlertEndpoint { workspace_id, endpoint_id }
}

/// Every kind of place, beside each other in all that can differ.
fn places() -> Vec<Place> {
    vec![
        credential(1, 2, 3),
        credential(9, 2, 3),
        credential(1, 9, 3),
        credential(1, 2, 4),
        credential(1, 2, 2),
        credential(2, 1, 3),
        endpoint(Some(1), 2),
        endpoint(None, 2),
        endpoint(Some(9), 2),
        endpoint(None, 1),
        credential(1, 2, 1),
    ]
}

fn id_of(sealed: &[u8]) -> Uuid {
    match AnySealed::parse(sealed) {
        Ok(AnySealed::Enveloped(sealed)) => Uuid::from_bytes(sealed.data_key_id),
        other => panic!("{other:?}"),
    }
}

/// The reason for which a value does not open; it names what it is, and says what to do.
async fn refused(vault: &Vault, place: Place, bytes: &[u8]) -> String {
    match vault.open(place, bytes).await {
        Err(error @ Error::Sealed(_)) => {
            let text = error.to_string();
            assert!(text.contains("remedy: "), "{text}");
            assert!(text.contains(&place.parts().row_id.to_string()), "{text}");
            text
        }
        other => panic!("{place:?}: {other:?}"),
    }
}

#[tokio::test]
async fn a_value_opens_at_its_place_only() {
    let vault = on(&Arc::default(), &[(1, 7)]);
    for place in places() {
        let sealed = vault.seal(place, b"canary-token").await.unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"canary"));
        for other in places() {
            if other == place {
                assert_eq!(vault.open(other, &sealed).await.unwrap().as_slice(), b"canary-token");
            } else {
                let why = refused(&vault, other, &sealed).await;
                assert!(why.contains("moved from another row, column, workspace or generation"), "{why}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_damaged_is_refused() {
    let vault = on(&Arc::default(), &[(1, 7)]);
    let place = credential(1, 2, 3);
    let sealed = vault.seal(place, b"token").await.unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            assert!(vault.open(place, &changed).await.is_err(), "byte {at}, bit {bit}");
        }
        assert!(vault.open(place, &sealed[..at]).await.is_err(), "the first {at} bytes");
    }
    refused(&vault, place, &[&sealed[..], &[0]].concat()).await;
    let mut other = sealed.clone();
    other[0] = 3;
    let why = refused(&vault, place, &other).await;
    assert!(why.contains("format 3") && why.contains("update crierd"), "{why}");
    let mut unknown = sealed;
    unknown[5] ^= 1;
    let why = refused(&vault, place, &unknown).await;
    assert!(why.contains("is not in this database") && why.contains("connect the account again"), "{why}");
}

#[tokio::test]
async fn a_data_key_of_another_workspace_opens_nothing() {
    let memory = Arc::<Memory>::default();
    let vault = on(&memory, &[(1, 7)]);
    let mine = vault.seal(credential(1, 2, 3), b"mine").await.unwrap();
    vault.seal(credential(2, 2, 3), b"theirs").await.unwrap();
    // whoever can write to the table makes one workspace's key another's, or swaps what is wrapped
    let moved = |change: fn(&mut Vec<super::memory::Row>)| {
        let other = Memory::default();
        *other.rows.lock().unwrap() = memory.rows.lock().unwrap().clone();
        change(&mut other.rows.lock().unwrap());
        on(&Arc::new(other), &[(1, 7)])
    };
    let renamed = moved(|rows| rows[0].workspace_id = rows[1].workspace_id);
    let swapped = moved(|rows| {
        let wrapped = rows[0].wrapped.clone();
        rows[0].wrapped = std::mem::replace(&mut rows[1].wrapped, wrapped);
    });
    for vault in [renamed, swapped] {
        for place in [credential(1, 2, 3), credential(2, 2, 3)] {
            let error = vault.open(place, &mine).await.unwrap_err().to_string();
            assert!(error.contains("does not open with key 1") && error.contains("remedy"), "{error}");
        }
    }
    // nor does every changed byte of a wrapped key
    let (id, wrapped) = {
        let rows = memory.rows.lock().unwrap();
        (rows[0].id, rows[0].wrapped.clone())
    };
    let workspace = Some(Uuid::from_u128(1));
    assert!(DataKey::unwrap(&vault.keys(), id, workspace, &wrapped).is_ok());
    for at in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed[at] ^= 1;
        assert!(DataKey::unwrap(&vault.keys(), id, workspace, &changed).is_err(), "byte {at}");
    }
}

#[tokio::test]
async fn a_key_that_is_missing_or_another_one_is_named() {
    let memory = Arc::<Memory>::default();
    let sealed = on(&memory, &[(1, 7)]).seal(credential(1, 2, 3), b"token").await.unwrap();
    let missing = on(&memory, &[(2, 7), (5, 1)]).open(credential(1, 2, 3), &sealed).await.unwrap_err();
    let text = missing.to_string();
    assert!(matches!(missing, Error::KeyMissing(_)), "{text}");
    assert!(
        text.contains("key 1 is needed") && text.contains("are 2, 5") && text.contains("remedy"),
        "{text}"
    );
    let other = on(&memory, &[(1, 8)]).open(credential(1, 2, 3), &sealed).await.unwrap_err().to_string();
    assert!(other.contains("does not open with key 1") && other.contains("restore the key file"), "{other}");
    // an older key opens, the newest one wraps
    let rotated = on(&memory, &[(1, 7), (2, 8)]);
    assert_eq!(rotated.open(credential(1, 2, 3), &sealed).await.unwrap().as_slice(), b"token");
    rotated.seal(credential(5, 2, 3), b"x").await.unwrap();
    let rows = memory.rows.lock().unwrap();
    let wrapped_by: Vec<_> = rows.iter().map(|row| Wrapped::parse(&row.wrapped).unwrap().key_id).collect();
    assert_eq!(wrapped_by, [1, 2]);
}

#[tokio::test]
async fn what_versions_before_had_sealed_opens_at_its_place_only() {
    let vault = on(&Arc::default(), &[(7, 1)]);
    let sealed = hex(DIRECT);
    let place = credential(1, 2, 3);
    assert_eq!(vault.open(place, &sealed).await.unwrap().as_slice(), b"token");
    for other in places().into_iter().filter(|other| *other != place) {
        refused(&vault, other, &sealed).await;
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(vault.open(place, &changed).await.is_err(), "byte {at}");
    }
    // the next one is of the new format
    let again = vault.seal(credential(1, 2, 4), b"token").await.unwrap();
    assert!(matches!(AnySealed::parse(&again), Ok(AnySealed::Enveloped(_))));
    let missing = on(&Arc::default(), &[(8, 1)]).open(place, &sealed).await.unwrap_err();
    assert!(missing.to_string().contains("key 7 is needed"), "{missing}");
}

/// Made with another implementation: key 7 of 32 bytes of 1, `credential(1, 2, 3)`, nonce of 12 bytes of 5, "token".
const DIRECT: &str = "01010000000705050505050505050505050575cd8a500c4cfc9d40d2ed73e7fabf4cd27658e366";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn two_sidecars_that_make_a_key_at_once_end_with_one() {
    let memory = Arc::<Memory>::default();
    let vaults: Vec<_> = (0..4).map(|_| Arc::new(on(&memory, &[(1, 7)]))).collect();
    let seals = vaults.iter().cycle().take(64).map(|vault| {
        let vault = Arc::clone(vault);
        tokio::spawn(async move { vault.seal(credential(1, 2, 3), b"token").await.unwrap() })
    });
    let mut ids = Vec::new();
    for seal in seals.collect::<Vec<_>>() {
        ids.push(id_of(&seal.await.unwrap()));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let rows = memory.rows.lock().unwrap();
    assert_eq!(rows.len(), 1);
    // each vault counted one block, not a message at a time
    assert_eq!(rows[0].messages, 4 * BLOCK);
}

#[tokio::test]
async fn messages_are_counted_in_blocks() {
    let memory = Arc::<Memory>::default();
    let vault = on(&memory, &[(1, 7)]);
    let seals = 3_001;
    for _ in 0..seals {
        vault.seal(endpoint(None, 2), b"x").await.unwrap();
    }
    let counted = memory.rows.lock().unwrap()[0].messages;
    assert!((seals..=seals + BLOCK).contains(&counted), "{counted}");
    let (writes, reads) = *memory.calls.lock().unwrap();
    // one more asked where there was no key yet
    assert!(writes <= 5 && reads <= 1, "{writes} {reads}");
}

#[tokio::test]
async fn a_key_that_has_sealed_enough_is_replaced_and_still_opens() {
    let memory = Arc::<Memory>::default();
    let vault = on(&memory, &[(1, 7)]);
    let old = vault.seal(credential(1, 2, 3), b"old").await.unwrap();
    memory.rows.lock().unwrap()[0].messages = 1 << 28;
    let again = on(&memory, &[(1, 7)]);
    let new = again.seal(credential(1, 2, 4), b"new").await.unwrap();
    assert_ne!(id_of(&old), id_of(&new));
    assert_eq!(again.open(credential(1, 2, 3), &old).await.unwrap().as_slice(), b"old");
    let rows = memory.rows.lock().unwrap();
    assert_eq!(rows.iter().map(|row| row.is_active).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_goes_away_keeps_nothing_from_being_sealed_that_was_prepared_for() {
    let memory = Arc::<Memory>::default();
    let vault = on(&memory, &[(1, 7)]);
    let workspace = Uuid::from_u128(1);
    let key = vault.prepare(Some(workspace)).await.unwrap();
    *memory.is_away.lock().unwrap() = true;
    let mut last = Vec::new();
    for _ in 0..BLOCK + 10 {
        last = vault.seal(credential(1, 2, 3), b"token").await.unwrap();
    }
    assert_eq!(vault.open(credential(1, 2, 3), &last).await.unwrap().as_slice(), b"token");
    let error = vault.seal(credential(2, 2, 3), b"token").await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    // nor does it matter what became of the key meanwhile: a process that knows it no more seals with it all the same
    let session = Session::new("canary-access".into(), "canary-refresh".into());
    let place = credential(1, 2, 3);
    let sealed = session.seal_with(&key, place, "https://a.example").unwrap();
    let opened = Session::open(&vault, place, &sealed).await.unwrap();
    assert_eq!(opened.server.as_deref(), Some("https://a.example"));
    let forgetful = on(&memory, &[(1, 7)]);
    assert!(
        session.seal(&forgetful, place, "https://a.example").await.is_err(),
        "expected it to need the database"
    );
    assert!(
        session.seal_with(&key, credential(2, 2, 3), "https://a.example").is_err(),
        "another workspace's"
    );
    // what was owed is counted then
    *memory.is_away.lock().unwrap() = false;
    vault.seal(credential(1, 2, 3), b"token").await.unwrap();
    assert!(memory.rows.lock().unwrap()[0].messages >= BLOCK + 11);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_content_survives_and_no_bytes_open(
        plain in prop::collection::vec(any::<u8>(), 0..3_000), noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let vault = on(&Arc::default(), &[(1, 7)]);
            let place = credential(1, 2, 3);
            let sealed = vault.seal(place, &plain).await.unwrap();
            assert_eq!(sealed.len(), plain.len() + 58);
            assert_eq!(vault.open(place, &sealed).await.unwrap().as_slice(), plain.as_slice());
            for head in [&[][..], &[1, 1, 0, 0, 0, 1], &sealed[..18]] {
                assert!(vault.open(place, &[head, &noise].concat()).await.is_err());
            }
        });
    }
}

/// `cargo test --release -p crierd --lib measure -- --ignored --nocapture`
#[tokio::test]
#[ignore = "measures: prints rates"]
async fn measure() {
    let rate = |what: &str, n: u32, begun: std::time::Instant| {
        println!("{what}: {:.0} per second", f64::from(n) / begun.elapsed().as_secs_f64());
    };
    let memory = Arc::<Memory>::default();
    let vault = on(&memory, &[(1, 7)]);
    let (place, plain, n) = (credential(1, 2, 3), [b'x'; 600], 100_000);
    let begun = std::time::Instant::now();
    for _ in 1..n {
        vault.seal(place, &plain).await.unwrap();
    }
    rate("seals of 600 bytes", n, begun);
    let sealed = vault.seal(place, &plain).await.unwrap();
    let begun = std::time::Instant::now();
    for _ in 0..n {
        vault.open(place, &sealed).await.unwrap();
    }
    rate("opens of 600 bytes", n, begun);
    // more workspaces than there is room for
    let (workspaces, begun) = (20_000, std::time::Instant::now());
    for workspace in 0..workspaces {
        vault.seal(credential(100 + u128::from(workspace), 2, 3), &plain).await.unwrap();
    }
    rate("first seals of a workspace, without the database's part", workspaces, begun);
    let kept = vault.cached();
    println!("data keys in memory: {kept}");
    assert!(kept <= super::cache::ROOM);
}

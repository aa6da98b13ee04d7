//! Data keys in memory: as many as fit, those that were used last.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::data_key::DataKey;

/// Keys kept of each sort. With its places in both maps one takes about 300 bytes.
pub(super) const ROOM: usize = 10_000;
/// How many messages are counted at a time.
pub(super) const BLOCK: i64 = 1_000;
/// After this time the database is asked again which key is the active one.
pub(super) const FRESH: Duration = Duration::from_secs(30);

/// The keys that were opened, and those that seal.
#[derive(Debug)]
pub(super) struct Cache {
    opened: Bounded<Uuid, Arc<DataKey>>,
    sealing: Bounded<Option<Uuid>, Sealing>,
}

/// The active key of a workspace.
#[derive(Debug)]
struct Sealing {
    key: Arc<DataKey>,
    /// Messages that are counted and not sealed yet; negative where the database could not be told.
    left: i64,
    asked: Instant,
}

impl Cache {
    pub(super) fn new(room: usize) -> Self {
        Self { opened: Bounded::new(room), sealing: Bounded::new(room) }
    }

    pub(super) fn opened(&mut self, id: Uuid) -> Option<Arc<DataKey>> {
        self.opened.get(&id).map(|key| Arc::clone(&*key))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.opened.map.len()
    }

    pub(super) fn keep(&mut self, key: &Arc<DataKey>) {
        self.opened.put(key.id, Arc::clone(key));
    }

    /// The key for one message, if the database need not be asked.
    pub(super) fn take(&mut self, workspace_id: Option<Uuid>) -> Option<Arc<DataKey>> {
        let sealing = self.sealing.get(&workspace_id).filter(|sealing| sealing.is_ready())?;
        sealing.left -= 1;
        Some(Arc::clone(&sealing.key))
    }

    /// The key for one message while the database can't be asked.
    pub(super) fn overdraw(&mut self, workspace_id: Option<Uuid>) -> Option<Arc<DataKey>> {
        let sealing = self.sealing.get(&workspace_id)?;
        sealing.left -= 1;
        Some(Arc::clone(&sealing.key))
    }

    /// Which key is thought to be active, and how many messages to count when the database is asked.
    pub(super) fn wanted(&mut self, workspace_id: Option<Uuid>) -> (Option<Uuid>, i64) {
        match self.sealing.get(&workspace_id) {
            Some(sealing) if sealing.left > 0 => (Some(sealing.key.id), 0),
            Some(sealing) => (Some(sealing.key.id), BLOCK - sealing.left),
            None => (None, BLOCK),
        }
    }

    /// The database says that this is the active key, and has counted so many messages more.
    pub(super) fn confirm(&mut self, workspace_id: Option<Uuid>, key: &Arc<DataKey>, counted: i64) {
        let known = self.sealing.get(&workspace_id).filter(|sealing| sealing.key.id == key.id);
        let left = known.map_or(0, |sealing| sealing.left) + counted;
        let sealing = Sealing { key: Arc::clone(key), left: left.min(BLOCK), asked: Instant::now() };
        self.sealing.put(workspace_id, sealing);
        self.keep(key);
    }

    /// The active key may be another one.
    pub(super) fn forget_active(&mut self, workspace_id: Option<Uuid>) {
        self.sealing.map.remove(&workspace_id);
    }
}

impl Sealing {
    fn is_ready(&self) -> bool {
        self.left > 0 && self.asked.elapsed() < FRESH
    }
}

/// A map that forgets what was used longest ago.
#[derive(Debug)]
struct Bounded<K, V> {
    map: HashMap<K, (u64, V)>,
    uses: u64,
    room: usize,
}

impl<K: Hash + Eq + Copy, V> Bounded<K, V> {
    fn new(room: usize) -> Self {
        Self { map: HashMap::new(), uses: 0, room }
    }

    fn get(&mut self, key: &K) -> Option<&mut V> {
        self.uses += 1;
        let (used, value) = self.map.get_mut(key)?;
        *used = self.uses;
        Some(value)
    }

    fn put(&mut self, key: K, value: V) {
        self.uses += 1;
        self.map.insert(key, (self.uses, value));
        if self.map.len() > self.room {
            // An eighth at once, so that the search for the oldest is paid for by many that come.
            let mut uses: Vec<u64> = self.map.values().map(|(used, _)| *used).collect();
            let oldest = (uses.len() / 8).max(1) - 1;
            let (_, limit, _) = uses.select_nth_unstable(oldest);
            let limit = *limit;
            self.map.retain(|_, (used, _)| *used > limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u128) -> Arc<DataKey> {
        Arc::new(DataKey::generate(Uuid::from_u128(id), None).unwrap())
    }

    #[test]
    fn what_was_used_last_stays() {
        let mut cache = Cache::new(16);
        for id in 0..16 {
            cache.keep(&key(id));
        }
        assert!(cache.opened(Uuid::from_u128(0)).is_some());
        for id in 100..1_000 {
            cache.keep(&key(id));
            assert!(cache.opened.map.len() <= 16);
            assert!(cache.opened(Uuid::from_u128(0)).is_some(), "{id}");
            assert!(cache.opened(Uuid::from_u128(id)).is_some(), "{id}");
        }
        assert!(cache.opened(Uuid::from_u128(1)).is_none());
    }

    #[test]
    fn messages_are_counted_in_blocks_and_what_was_owed_is_made_good() {
        let mut cache = Cache::new(16);
        assert_eq!(cache.wanted(None), (None, BLOCK));
        assert!(cache.take(None).is_none() && cache.overdraw(None).is_none());
        let active = key(1);
        cache.confirm(None, &active, BLOCK);
        for _ in 0..BLOCK {
            assert!(cache.take(None).is_some());
        }
        assert!(cache.take(None).is_none());
        assert!(cache.overdraw(None).is_some() && cache.overdraw(None).is_some());
        assert_eq!(cache.wanted(None), (Some(active.id), BLOCK + 2));
        cache.confirm(None, &active, BLOCK + 2);
        assert_eq!(cache.wanted(None), (Some(active.id), 0));
        // another key owes nothing of what this one did
        cache.confirm(None, &key(2), BLOCK);
        assert_eq!(cache.wanted(None).1, 0);
        cache.forget_active(None);
        assert_eq!(cache.wanted(None), (None, BLOCK));
    }
}

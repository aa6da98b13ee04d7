//! What the rest of the sidecar seals and opens with: finds, makes and keeps the data keys that are needed for it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::sealed::enveloped::Wrapped;
use crier_core::sealed::{AnySealed, Binding, Sealed};
use tracing::{info, warn};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::cache::{Cache, ROOM};
use super::data_key::DataKey;
use super::keyring::Keyring;
use super::place::{Parts, Place};
use super::seal;
use super::source::KeySource;
use crate::db::patiently;
use crate::error::Error;
use crate::providers::Failure;

/// How long the database may be away while a data key is needed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many messages a data key seals before the next one is made. No limit of the format, which is far beyond it: a point at
/// which a key has been used for long enough.
const MOST_MESSAGES: i64 = 1 << 28;
/// Locks, one of which the callers of a workspace share.
const TURNS: usize = 64;

/// Where wrapped data keys are kept.
#[async_trait]
pub(crate) trait DataKeys: Send + Sync {
    /// The active key of a workspace, or of the installation, after counting some messages on it.
    async fn begin_sealing(&self, workspace_id: Option<Uuid>, messages: i64)
    -> Result<Option<Active>, Error>;
    /// Adds an active key; `false` if there is one, or if another one was to be replaced.
    async fn add_data_key(
        &self,
        id: Uuid,
        workspace_id: Option<Uuid>,
        wrapped: &[u8],
        replaces: Option<Uuid>,
    ) -> Result<bool, Error>;
    /// Whose a key is, and the key as it is wrapped.
    async fn get_data_key(&self, id: Uuid) -> Result<Option<(Option<Uuid>, Vec<u8>)>, Error>;
    /// An id for a new key.
    async fn new_id(&self) -> Result<Uuid, Error>;
}

/// The active data key of a workspace, as it is kept.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) id: Uuid,
    pub(crate) wrapped: Vec<u8>,
    /// How many messages were counted on it.
    pub(crate) messages: i64,
}

/// Seals and opens values.
pub struct Vault {
    stored: Arc<dyn DataKeys>,
    source: KeySource,
    keys: Mutex<Arc<Keyring>>,
    read_at: tokio::sync::Mutex<Instant>,
    cache: Mutex<Cache>,
    turns: [tokio::sync::Mutex<()>; TURNS],
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({:?})", self.keys())
    }
}

impl Vault {
    /// Reads the keys; fails where they can't be used. The database is asked only when something is sealed or opened.
    pub(crate) async fn load(source: &KeySource, stored: Arc<dyn DataKeys>) -> Result<Self, Error> {
        Ok(Self::new(source.clone(), source.load().await?, stored))
    }

    pub(super) fn new(source: KeySource, keys: Keyring, stored: Arc<dyn DataKeys>) -> Self {
        Self {
            stored,
            source,
            keys: Mutex::new(Arc::new(keys)),
            read_at: tokio::sync::Mutex::new(Instant::now()),
            cache: Mutex::new(Cache::new(ROOM)),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
        }
    }

    /// The keys of the key file as they were read last.
    pub(crate) fn keys(&self) -> Arc<Keyring> {
        Arc::clone(&self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Seals a value for its place with the workspace's data key.
    pub async fn seal(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_at(&place.parts(), plain).await
    }

    /// Opens a value at its place.
    pub async fn open(&self, place: Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.open_at(&place.parts(), sealed).await
    }

    /// What one value of the workspace is sealed with. To be called before something is bought that must not be lost: whatever
    /// happens to the database or to the keys meanwhile, it can be sealed.
    pub(crate) async fn prepare(&self, workspace_id: Option<Uuid>) -> Result<Arc<DataKey>, Error> {
        self.sealing_key(workspace_id).await
    }

    pub(crate) async fn seal_at(&self, place: &Parts, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.sealing_key(place.workspace_id).await?.seal(place, plain)
    }

    pub(crate) async fn open_at(&self, place: &Parts, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let parsed = AnySealed::parse(sealed).map_err(|error| {
            Error::Sealed(format!(
                "{} is no sealed value of this version: {error}; remedy: update crierd, or {}",
                place.what(),
                place.remedy()
            ))
        })?;
        match parsed {
            AnySealed::Direct(sealed) => {
                Self::open_direct(&*self.keys_with(sealed.key_id).await, place, sealed)
            }
            AnySealed::Enveloped(sealed) => {
                let id = Uuid::from_bytes(sealed.data_key_id);
                self.data_key(id, place).await?.open(place, sealed)
            }
        }
    }

    /// Makes a new data key in the place of the active one `old`; `false` if that is no longer the active one.
    pub(crate) async fn replace(&self, workspace_id: Option<Uuid>, old: Uuid) -> Result<bool, Error> {
        let made = self.make(workspace_id, Some(old)).await?;
        self.cache().forget_active(workspace_id);
        Ok(made)
    }

    /// What versions before had sealed with a key of the key file itself.
    pub(crate) fn open_direct(
        keys: &Keyring,
        place: &Parts,
        sealed: Sealed<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let binding = Binding {
            workspace_id: place.workspace_bytes(),
            column: place.column.name,
            row_id: place.row_id.into_bytes(),
            generation: place.generation,
            key_id: sealed.key_id,
        };
        let key = keys.key(sealed.key_id)?;
        seal::open_direct(key, &binding.to_aad(), sealed.nonce, sealed.ciphertext).ok_or_else(|| {
            Error::Sealed(format!(
                "{} does not open with key {id}: it was changed, moved from another row, column, workspace or generation, \
                 or key {id} is another one than it was; remedy: restore the key file, or {}",
                place.what(),
                place.remedy(),
                id = sealed.key_id
            ))
        })
    }

    async fn data_key(&self, id: Uuid, place: &Parts) -> Result<Arc<DataKey>, Error> {
        if let Some(key) = self.cache().opened(id) {
            return Ok(key);
        }
        let found = patiently(PATIENCE, || self.stored.get_data_key(id)).await?;
        let (workspace_id, wrapped) = found.ok_or_else(|| {
            Error::Sealed(format!(
                "{} was sealed with data key {id}, which is not in this database: it was deleted, or one of the two is of \
                 another backup; remedy: restore crier.data_key together with the rest, or {}",
                place.what(),
                place.remedy()
            ))
        })?;
        let key = self.unwrapped(id, workspace_id, &wrapped).await?;
        self.cache().keep(&key);
        Ok(key)
    }

    /// The workspace's active key, for one message.
    async fn sealing_key(&self, workspace_id: Option<Uuid>) -> Result<Arc<DataKey>, Error> {
        if let Some(key) = self.cache().take(workspace_id) {
            return Ok(key);
        }
        let _turn = self.turn(workspace_id).lock().await;
        if let Some(key) = self.cache().take(workspace_id) {
            return Ok(key);
        }
        let asked = self.ask_for_active(workspace_id).await;
        let Err(error) = &asked else { return asked };
        if !error.is_passing() {
            return asked;
        }
        // What is to be sealed may be lost otherwise. The messages are counted when the database is back.
        let known = self.cache().overdraw(workspace_id);
        match known {
            Some(key) => Ok(key),
            None => patiently(PATIENCE, || self.ask_for_active(workspace_id)).await,
        }
    }

    async fn ask_for_active(&self, workspace_id: Option<Uuid>) -> Result<Arc<DataKey>, Error> {
        // Others may make and replace keys meanwhile, which ends soon.
        for _ in 0..8 {
            let (known, messages) = self.cache().wanted(workspace_id);
            match self.stored.begin_sealing(workspace_id, messages).await? {
                None => {
                    self.make(workspace_id, None).await?;
                }
                Some(active) if active.messages > MOST_MESSAGES => {
                    info!(data_key = %active.id, messages = active.messages, "the data key has sealed enough");
                    self.make(workspace_id, Some(active.id)).await?;
                }
                // Nothing was counted on this one yet.
                Some(active) if messages == 0 && known != Some(active.id) => {
                    self.cache().forget_active(workspace_id);
                }
                Some(active) => {
                    let known = self.cache().opened(active.id);
                    let key = match known {
                        Some(key) => key,
                        None => self.unwrapped(active.id, workspace_id, &active.wrapped).await?,
                    };
                    let mut cache = self.cache();
                    cache.confirm(workspace_id, &key, messages);
                    return Ok(cache.overdraw(workspace_id).unwrap_or(key));
                }
            }
        }
        Err(Error::Busy("the workspace's data key changes all the time".into()))
    }

    async fn make(&self, workspace_id: Option<Uuid>, replaces: Option<Uuid>) -> Result<bool, Error> {
        // The newest key of the key file is to wrap it, which may be newer than this process.
        self.read_again().await;
        let key = DataKey::generate(self.stored.new_id().await?, workspace_id)?;
        let wrapped = key.wrap(&self.keys())?;
        self.stored.add_data_key(key.id, workspace_id, &wrapped, replaces).await
    }

    async fn unwrapped(
        &self,
        id: Uuid,
        workspace_id: Option<Uuid>,
        wrapped: &[u8],
    ) -> Result<Arc<DataKey>, Error> {
        let keys = match Wrapped::parse(wrapped) {
            Ok(wrapped) => self.keys_with(wrapped.key_id).await,
            Err(_) => self.keys(),
        };
        DataKey::unwrap(&keys, id, workspace_id, wrapped).map(Arc::new)
    }

    /// The keys, read again if one is missing that is needed: somebody may have added it.
    pub(crate) async fn keys_with(&self, id: u32) -> Arc<Keyring> {
        let keys = self.keys();
        if keys.key(id).is_ok() {
            return keys;
        }
        self.read_again().await;
        self.keys()
    }

    /// Reads the keys, unless that was done a moment ago. Where they can't be read any more, the ones that are known stay.
    async fn read_again(&self) {
        let mut read_at = self.read_at.lock().await;
        if read_at.elapsed() < self.source.pause() {
            return;
        }
        let read = self.source.load().await;
        *read_at = Instant::now();
        match read {
            Ok(keys) => {
                if format!("{keys:?}") != format!("{:?}", self.keys()) {
                    info!(keys = keys.count(), active_key = keys.active(), "the keys have changed");
                }
                *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            Err(error) => {
                warn!(%error, "the keys can't be read any more, going on with those that are known")
            }
        }
    }

    /// How many data keys are in memory.
    #[cfg(test)]
    pub(super) fn cached(&self) -> usize {
        self.cache().len()
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, workspace_id: Option<Uuid>) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        workspace_id.hash(&mut hasher);
        &self.turns[hasher.finish() as usize % TURNS]
    }
}

/// What it means for a job that something can't be sealed or opened. A key that is missing may be on its way here; a value that
/// does not open stays as it is.
pub(crate) fn failure(error: &Error) -> Failure {
    let class = if matches!(error, Error::Sealed(_)) { ErrorClass::Config } else { ErrorClass::Transient };
    Failure::new(class, error.to_string())
}

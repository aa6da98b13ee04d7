//! Data keys in memory, for tests without a database: with the rules of the database's functions.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use uuid::Uuid;

use super::keyring::Keyring;
use super::source::KeySource;
use super::vault::{Active, DataKeys, Vault};
use crate::error::Error;

/// One row of `crier.data_key`.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) workspace_id: Option<Uuid>,
    pub(super) wrapped: Vec<u8>,
    pub(super) is_active: bool,
    pub(super) messages: i64,
}

/// The table, and what was done to it.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) rows: Mutex<Vec<Row>>,
    /// How often messages were counted, and how often it was read.
    pub(super) calls: Mutex<(usize, usize)>,
    /// Whether it answers nothing.
    pub(super) is_away: Mutex<bool>,
}

impl Memory {
    fn answer(&self) -> Result<std::sync::MutexGuard<'_, Vec<Row>>, Error> {
        if *self.is_away.lock().unwrap() {
            return Err(Error::Unavailable("the test has it away".into()));
        }
        Ok(self.rows.lock().unwrap())
    }
}

#[async_trait]
impl DataKeys for Memory {
    async fn begin_sealing(
        &self,
        workspace_id: Option<Uuid>,
        messages: i64,
    ) -> Result<Option<Active>, Error> {
        let mut rows = self.answer()?;
        let mut calls = self.calls.lock().unwrap();
        if messages > 0 {
            calls.0 += 1
        } else {
            calls.1 += 1
        }
        let active = rows.iter_mut().find(|row| row.workspace_id == workspace_id && row.is_active);
        Ok(active.map(|row| {
            row.messages += messages;
            Active { id: row.id, wrapped: row.wrapped.clone(), messages: row.messages }
        }))
    }

    async fn add_data_key(
        &self,
        id: Uuid,
        workspace_id: Option<Uuid>,
        wrapped: &[u8],
        replaces: Option<Uuid>,
    ) -> Result<bool, Error> {
        let mut rows = self.answer()?;
        let active = rows.iter_mut().find(|row| row.workspace_id == workspace_id && row.is_active);
        match (active, replaces) {
            (Some(row), Some(old)) if row.id == old => row.is_active = false,
            (None, None) => {}
            _ => return Ok(false),
        }
        rows.push(Row { id, workspace_id, wrapped: wrapped.to_vec(), is_active: true, messages: 0 });
        Ok(true)
    }

    async fn get_data_key(&self, id: Uuid) -> Result<Option<(Option<Uuid>, Vec<u8>)>, Error> {
        let rows = self.answer()?;
        self.calls.lock().unwrap().1 += 1;
        Ok(rows.iter().find(|row| row.id == id).map(|row| (row.workspace_id, row.wrapped.clone())))
    }

    async fn new_id(&self) -> Result<Uuid, Error> {
        Ok(Uuid::new_v4())
    }
}

/// A vault with one key and nothing else.
pub(crate) fn in_memory() -> Vault {
    on(&Arc::default(), &[(1, 7)])
}

/// A vault on a table, with these keys: their ids, and a byte each is made of.
pub(super) fn on(memory: &Arc<Memory>, keys: &[(u32, u8)]) -> Vault {
    let text = lines(keys);
    let keyring = Keyring::parse(text.as_bytes()).unwrap();
    Vault::new(KeySource::Variable(text.into()), keyring, Arc::clone(memory) as Arc<dyn DataKeys>)
}

/// The text of a key file.
pub(super) fn lines(keys: &[(u32, u8)]) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    keys.iter().map(|(id, byte)| format!("{id}:{}\n", STANDARD.encode([*byte; 32]))).collect()
}

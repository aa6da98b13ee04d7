//! Data keys, and what they seal.

use async_trait::async_trait;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::accounts::NO_DATA_FOUND;
use super::pool::{Db, Param};
use super::rows::contract;
use super::{all, first};
use crate::error::Error;
use crate::secrets::{Active, DataKeys};

const BEGIN_SEALING: &str = "SELECT id, wrapped, messages FROM crier.begin_sealing($1, $2)";
const ADD_DATA_KEY: &str = "SELECT crier.add_data_key($1, $2, $3, $4)";
const GET_DATA_KEY: &str = "SELECT workspace_id, wrapped FROM crier.get_data_key($1)";
const LIST_DATA_KEYS: &str =
    "SELECT id, workspace_id, wrapped, state, messages FROM crier.list_data_keys($1, $2, $3)";
/// A batch is a transaction: one wait for the disk. `unnest` of several arrays is syntax, which always means the server's own.
const REWRAP_DATA_KEYS: &str = "SELECT count(*) FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS v (id, old, new) \
     WHERE crier.rewrap_data_key(v.id, v.old, v.new)";
const LIST_SEALED: &str =
    "SELECT workspace_id, row_id, generation, sealed FROM crier.list_sealed($1, $2, $3)";
const RESEAL: &str = "SELECT count(*) FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bytea[], $6::bytea[]) \
     AS v (workspace_id, row_id, generation, old, new) \
     WHERE crier.reseal($1, v.workspace_id, v.row_id, v.generation, v.old, v.new)";
const KEY_USAGE: &str = "SELECT key_id, active_keys, retired_keys, direct_values, retired_values, lost_values \
     FROM crier.key_usage()";

/// A data key, as it is kept.
#[derive(Debug)]
pub(crate) struct StoredKey {
    pub(crate) id: Uuid,
    /// None: the installation's.
    pub(crate) workspace_id: Option<Uuid>,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) is_active: bool,
    pub(crate) messages: i64,
}

/// A value of a column.
#[derive(Debug)]
pub(crate) struct StoredValue {
    pub(crate) workspace_id: Option<Uuid>,
    pub(crate) row_id: Uuid,
    pub(crate) generation: i64,
    /// None: the active data key has sealed it.
    pub(crate) sealed: Option<Vec<u8>>,
}

/// What is put in the place of what.
#[derive(Debug)]
pub(crate) struct Swap {
    pub(crate) workspace_id: Option<Uuid>,
    pub(crate) row_id: Uuid,
    pub(crate) generation: i64,
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
}

/// What a key of the key file is still needed for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct KeyUsage {
    /// None: of none, in the row of values that are lost.
    pub(crate) key_id: Option<u32>,
    /// Data keys it wraps that seal.
    pub(crate) active_keys: i64,
    /// Data keys it wraps that only open.
    pub(crate) retired_keys: i64,
    /// Values it has sealed itself.
    pub(crate) direct_values: i64,
    /// Values that the retired data keys have sealed.
    pub(crate) retired_values: i64,
    /// Values whose data key is not in the database.
    pub(crate) lost_values: i64,
}

#[async_trait]
impl DataKeys for Db {
    async fn begin_sealing(
        &self,
        workspace_id: Option<Uuid>,
        messages: i64,
    ) -> Result<Option<Active>, Error> {
        let params: &[Param<'_>] = &[(&workspace_id, Type::UUID), (&messages, Type::INT8)];
        let row = self.optional(BEGIN_SEALING, params).await?;
        row.map(|row| {
            Ok(Active {
                id: row.try_get(0).map_err(contract)?,
                wrapped: row.try_get(1).map_err(contract)?,
                messages: row.try_get(2).map_err(contract)?,
            })
        })
        .transpose()
    }

    async fn add_data_key(
        &self,
        id: Uuid,
        workspace_id: Option<Uuid>,
        wrapped: &[u8],
        replaces: Option<Uuid>,
    ) -> Result<bool, Error> {
        let params: &[Param<'_>] = &[
            (&id, Type::UUID),
            (&workspace_id, Type::UUID),
            (&wrapped, Type::BYTEA),
            (&replaces, Type::UUID),
        ];
        first(&self.one(ADD_DATA_KEY, params).await?)
    }

    async fn get_data_key(&self, id: Uuid) -> Result<Option<(Option<Uuid>, Vec<u8>)>, Error> {
        let row = match self.optional(GET_DATA_KEY, &[(&id, Type::UUID)]).await {
            Err(Error::Sql { state, .. }) if state == NO_DATA_FOUND => None,
            row => row?,
        };
        row.map(|row| Ok((row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?))).transpose()
    }

    async fn new_id(&self) -> Result<Uuid, Error> {
        Db::new_id(self).await
    }
}

impl Db {
    /// Data keys that a key of the key file wraps, by their ids, after one of them.
    pub(crate) async fn list_data_keys(
        &self,
        key_id: u32,
        after: Option<Uuid>,
        most: i32,
    ) -> Result<Vec<StoredKey>, Error> {
        let key_id = i64::from(key_id);
        let params: &[Param<'_>] = &[(&key_id, Type::INT8), (&after, Type::UUID), (&most, Type::INT4)];
        all(self.rows(LIST_DATA_KEYS, params).await?)
    }

    /// Stores data keys that are wrapped anew: id, as it was, as it is. How many were still as they were.
    pub(crate) async fn rewrap_data_keys(&self, keys: &[(Uuid, Vec<u8>, Vec<u8>)]) -> Result<i64, Error> {
        let ids: Vec<_> = keys.iter().map(|(id, ..)| *id).collect();
        let old: Vec<_> = keys.iter().map(|(_, old, _)| old.as_slice()).collect();
        let new: Vec<_> = keys.iter().map(|(.., new)| new.as_slice()).collect();
        let params: &[Param<'_>] =
            &[(&ids, Type::UUID_ARRAY), (&old, Type::BYTEA_ARRAY), (&new, Type::BYTEA_ARRAY)];
        first(&self.one(REWRAP_DATA_KEYS, params).await?)
    }

    /// A page of a column's values, by their rows' ids, after one of them.
    pub(crate) async fn list_sealed(
        &self,
        column: &str,
        after: Option<Uuid>,
        most: i32,
    ) -> Result<Vec<StoredValue>, Error> {
        let params: &[Param<'_>] = &[(&column, Type::TEXT), (&after, Type::UUID), (&most, Type::INT4)];
        all(self.rows(LIST_SEALED, params).await?)
    }

    /// Stores values that are sealed anew. How many were still as they were.
    pub(crate) async fn reseal(&self, column: &str, swaps: &[Swap]) -> Result<i64, Error> {
        let workspaces: Vec<_> = swaps.iter().map(|swap| swap.workspace_id).collect();
        let rows: Vec<_> = swaps.iter().map(|swap| swap.row_id).collect();
        let generations: Vec<_> = swaps.iter().map(|swap| swap.generation).collect();
        let old: Vec<_> = swaps.iter().map(|swap| swap.old.as_slice()).collect();
        let new: Vec<_> = swaps.iter().map(|swap| swap.new.as_slice()).collect();
        let params: &[Param<'_>] = &[
            (&column, Type::TEXT),
            (&workspaces, Type::UUID_ARRAY),
            (&rows, Type::UUID_ARRAY),
            (&generations, Type::INT8_ARRAY),
            (&old, Type::BYTEA_ARRAY),
            (&new, Type::BYTEA_ARRAY),
        ];
        first(&self.one(RESEAL, params).await?)
    }

    /// What each key of the key file is still needed for. Reads every sealed value.
    pub(crate) async fn key_usage(&self) -> Result<Vec<KeyUsage>, Error> {
        all(self.rows_slowly(KEY_USAGE).await?)
    }
}

impl TryFrom<Row> for StoredKey {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let state: String = row.try_get(3).map_err(contract)?;
        Ok(Self {
            id: row.try_get(0).map_err(contract)?,
            workspace_id: row.try_get(1).map_err(contract)?,
            wrapped: row.try_get(2).map_err(contract)?,
            is_active: state == "active",
            messages: row.try_get(4).map_err(contract)?,
        })
    }
}

impl TryFrom<Row> for StoredValue {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            workspace_id: row.try_get(0).map_err(contract)?,
            row_id: row.try_get(1).map_err(contract)?,
            generation: row.try_get(2).map_err(contract)?,
            sealed: row.try_get(3).map_err(contract)?,
        })
    }
}

impl TryFrom<Row> for KeyUsage {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let key_id: Option<i64> = row.try_get(0).map_err(contract)?;
        let key_id = key_id.map(u32::try_from).transpose();
        Ok(Self {
            key_id: key_id.map_err(|_| Error::Contract("a key id is out of range".into()))?,
            active_keys: row.try_get(1).map_err(contract)?,
            retired_keys: row.try_get(2).map_err(contract)?,
            direct_values: row.try_get(3).map_err(contract)?,
            retired_values: row.try_get(4).map_err(contract)?,
            lost_values: row.try_get(5).map_err(contract)?,
        })
    }
}

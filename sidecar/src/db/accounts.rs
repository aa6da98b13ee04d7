//! Accounts and their credentials.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::{Db, Param};
use super::rows::contract;
use super::{Expiring, StoredCredential, all, first};
use crate::error::Error;

/// What a function raises for something that is not there.
pub(super) const NO_DATA_FOUND: &str = "P0002";
const CONNECT_ACCOUNT: &str = "SELECT account_id, generation FROM crier.connect_account($1, $2, $3, $4, $5)";
const STORE_CREDENTIAL: &str = "SELECT crier.store_credential($1, $2, $3, $4, $5, $6)";
const GET_CREDENTIAL: &str = "SELECT workspace_id, generation, sealed, refresh_leased_until, account_status, \
     refresh_unclear_for FROM crier.get_credential($1)";
const BEGIN_REFRESH: &str = "SELECT crier.begin_refresh($1, $2, pg_catalog.make_interval(secs => $3))";
const FAIL_REFRESH: &str = "SELECT crier.fail_refresh($1, $2, $3, $4, $5, $6)";
const DEFER_REFRESH: &str = "SELECT crier.defer_refresh($1, $2, $3, $4)";
const REFRESH_EXPIRING_TOKENS: &str = "SELECT account_id, platform, external_id, handle, base_url, generation, \
     held_until FROM crier.refresh_expiring_tokens($1, $2, $3, $4)";
const HAND_BACK_REFRESHES: &str = "SELECT crier.hand_back_refreshes($1, $2, $3, $4)";
const INSTALLATION_IDS: &str = "SELECT crier.installation_ids()";

impl Db {
    /// Makes or finds the account; returns its id and the generation to seal the credential for.
    pub async fn connect_account(
        &self,
        workspace_id: Uuid,
        platform: &str,
        external_id: &str,
        handle: &str,
        base_url: &str,
    ) -> Result<(Uuid, i64), Error> {
        let params: &[Param<'_>] = &[
            (&workspace_id, Type::UUID),
            (&platform, Type::TEXT),
            (&external_id, Type::TEXT),
            (&handle, Type::TEXT),
            (&base_url, Type::TEXT),
        ];
        let row = self.one(CONNECT_ACCOUNT, params).await?;
        Ok((row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?))
    }

    /// Stores a sealed credential if it is the next generation; `false` if there is a newer one. An end that can't
    /// be true is none: the platform's word for it must not cost the tokens. `user_id`: whose login it was; none leaves that as
    /// it is.
    pub async fn store_credential(
        &self,
        account_id: Uuid,
        generation: i64,
        sealed: &[u8],
        expires_at: Option<SystemTime>,
        refresh_expires_at: Option<SystemTime>,
        user_id: Option<Uuid>,
    ) -> Result<bool, Error> {
        let now = SystemTime::now();
        let (expires_at, refresh_expires_at) =
            (plausible(expires_at, now), plausible(refresh_expires_at, now));
        let params: &[Param<'_>] = &[
            (&account_id, Type::UUID),
            (&generation, Type::INT8),
            (&sealed, Type::BYTEA),
            (&expires_at, Type::TIMESTAMPTZ),
            (&refresh_expires_at, Type::TIMESTAMPTZ),
            (&user_id, Type::UUID),
        ];
        first(&self.one(STORE_CREDENTIAL, params).await?)
    }

    /// The stored credential of an account.
    pub async fn get_credential(&self, account_id: Uuid) -> Result<Option<StoredCredential>, Error> {
        match self.optional(GET_CREDENTIAL, &[(&account_id, Type::UUID)]).await {
            Err(error) if error.is_not_found() => Ok(None),
            row => row?.map(StoredCredential::try_from).transpose(),
        }
    }

    /// Asks to be the one who refreshes; returns a token for it, `None` if somebody else does or has.
    pub async fn begin_refresh(
        &self,
        account_id: Uuid,
        generation: i64,
        lease: Duration,
    ) -> Result<Option<i64>, Error> {
        let lease = lease.as_secs_f64();
        let params: &[Param<'_>] =
            &[(&account_id, Type::UUID), (&generation, Type::INT8), (&lease, Type::FLOAT8)];
        first(&self.one(BEGIN_REFRESH, params).await?)
    }

    /// Ends a refresh that failed; it is not tried again by itself before `retry_at`.
    pub async fn fail_refresh(
        &self,
        account_id: Uuid,
        generation: i64,
        token: i64,
        class: &str,
        error: &Value,
        retry_at: Option<SystemTime>,
    ) -> Result<(), Error> {
        let retry_at = plausible(retry_at, SystemTime::now());
        let params: &[Param<'_>] = &[
            (&account_id, Type::UUID),
            (&generation, Type::INT8),
            (&token, Type::INT8),
            (&class, Type::TEXT),
            (error, Type::JSONB),
            (&retry_at, Type::TIMESTAMPTZ),
        ];
        self.rows(FAIL_REFRESH, params).await.map(drop)
    }

    /// Ends a refresh of which nothing was sent, and says when it is time for one; `None`: not by itself.
    pub async fn defer_refresh(
        &self,
        account_id: Uuid,
        generation: i64,
        token: i64,
        until: Option<SystemTime>,
    ) -> Result<(), Error> {
        let params: &[Param<'_>] = &[
            (&account_id, Type::UUID),
            (&generation, Type::INT8),
            (&token, Type::INT8),
            (&until, Type::TIMESTAMPTZ),
        ];
        self.rows(DEFER_REFRESH, params).await.map(drop)
    }

    /// Accounts whose tokens are to be renewed, of one platform or of all; those on servers that rest, after that.
    pub(crate) async fn refresh_expiring_tokens(
        &self,
        limit: i32,
        platform: Option<&str>,
        resting: &[(String, SystemTime)],
    ) -> Result<Vec<Expiring>, Error> {
        let (servers, until): (Vec<_>, Vec<_>) =
            resting.iter().map(|(server, until)| (server.as_str(), *until)).unzip();
        let params: &[Param<'_>] = &[
            (&limit, Type::INT4),
            (&platform, Type::TEXT),
            (&servers, Type::TEXT_ARRAY),
            (&until, Type::TIMESTAMPTZ_ARRAY),
        ];
        all(self.rows(REFRESH_EXPIRING_TOKENS, params).await?)
    }

    /// Hands back what was given and not begun, with the time at which each is due again.
    pub(crate) async fn hand_back_refreshes(&self, back: &[(Expiring, SystemTime)]) -> Result<i64, Error> {
        let accounts: Vec<_> = back.iter().map(|(expiring, _)| expiring.account.id).collect();
        let generations: Vec<_> = back.iter().map(|(expiring, _)| expiring.generation).collect();
        let held_until: Vec<_> = back.iter().map(|(expiring, _)| expiring.held_until).collect();
        let until: Vec<_> = back.iter().map(|(_, until)| *until).collect();
        let params: &[Param<'_>] = &[
            (&accounts, Type::UUID_ARRAY),
            (&generations, Type::INT8_ARRAY),
            (&held_until, Type::TIMESTAMPTZ_ARRAY),
            (&until, Type::TIMESTAMPTZ_ARRAY),
        ];
        first(&self.one(HAND_BACK_REFRESHES, params).await?)
    }

    /// What the database is called outside of it: what it is first, then what it was before it was adopted.
    pub(crate) async fn installation_ids(&self) -> Result<Vec<String>, Error> {
        first(&self.one(INSTALLATION_IDS, &[]).await?)
    }
}

/// The end of a token, unless it is more than a day ago or more than five years ahead.
pub(super) fn plausible(end: Option<SystemTime>, now: SystemTime) -> Option<SystemTime> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    end.filter(|end| match end.duration_since(now) {
        Ok(ahead) => ahead <= DAY * (5 * 365),
        Err(ago) => ago.duration() <= DAY,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_cannot_be_true_is_none() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let days = |days: u64| Duration::from_secs(days * 86_400);
        for end in [now, now + days(90), now + days(5 * 365), now - days(1)] {
            assert_eq!(plausible(Some(end), now), Some(end));
        }
        for end in [now + days(5 * 365 + 1), now + days(365_000_000), now - days(2), SystemTime::UNIX_EPOCH] {
            assert_eq!(plausible(Some(end), now), None);
        }
        assert_eq!(plausible(None, now), None);
    }
}

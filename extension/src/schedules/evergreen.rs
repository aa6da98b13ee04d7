//! The queue of an evergreen schedule: whose turn it is.

use pgrx::Uuid;

use super::stored::Schedule;
use crate::clock;
use crate::error::Result;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::posts::Definition;

const PICK: Statement = statement!(up "schedules/pick_item").planned_once();
const USE_ITEM: Statement = statement!(up "schedules/use_item");
const USE_ACCOUNTS: Statement = statement!(up "schedules/use_accounts");

/// An item that is used for an occurrence.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) id: Uuid,
    pub(super) template: Jsonb,
    pub(super) used_before: Option<Timestamptz>,
}

impl Schedule {
    /// The item for an occurrence; nothing where there is none, or all have to rest.
    pub(super) fn pick(&self, at: Timestamptz) -> Result<Option<Item>> {
        let rested_since = |rest: &Option<_>| match rest {
            Some(rest) => Timestamptz(at.0.saturating_sub(clock::micros(rest).unwrap_or(i64::MAX))),
            None => Timestamptz(i64::MAX),
        };
        let accounts = self.settings.post(None)?.accounts;
        let args = [
            self.workspace.into(),
            self.id.into(),
            rested_since(&self.settings.item_rest).into(),
            rested_since(&self.settings.account_rest).into(),
            accounts.into(),
        ];
        let found = PICK.read(&args, |row| {
            Ok(Item { id: row.need(1)?, template: row.need(2)?, used_before: row.get(3)? })
        })?;
        Ok(found.into_iter().next())
    }

    /// Notes that an item was used. One of which no post could be made counts as used as well: the others have their turn.
    pub(super) fn used(&self, item: Item, post: Option<&Definition>, at: Timestamptz) -> Result<()> {
        USE_ITEM.run_only(&[self.workspace.into(), item.id.into(), at.into()])?;
        let Some(post) = post else { return Ok(()) };
        USE_ACCOUNTS.run_only(&[
            self.workspace.into(),
            self.id.into(),
            post.accounts.clone().into(),
            at.into(),
        ])
    }
}

//! Money: what jobs take from the budgets of their account and of its platform.
//!
//! A claim takes what the job costs at most, so that no budget is ever overdrawn by what is in workers' hands. When the job
//! ends, what its calls did cost stands in the place of that: workers state them as `charges` in a result or an error.

use std::collections::HashMap;

use crier_working_set::{Gated, SPEND};
use pgrx::Uuid;
use serde_json::Value;

use crate::error::Result;
use crate::limits::no_room;
use crate::limits::usage::{self, Use};
use crate::memory;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::held::id_of;
use crate::queue::settle::Settled;
use crate::transaction;

const CHARGES: Statement = statement!(up "limits/charges");

/// What a stated result or error has at most, to be looked into for charges.
const MAX_STATED_BYTES: usize = 131_072;

/// A job that took from budgets.
struct Spender<'a> {
    account: Uuid,
    platform: String,
    action: &'a str,
    /// When it took,
    at: i64,
    /// and what.
    cost: u32,
    charges: Option<Value>,
    gives_back: bool,
}

/// The price of a charge, by platform, action and charge.
type Prices = HashMap<(String, String, String), u32>;

/// Has budgets count what jobs did cost. They give back what they took when the working set lets them go.
pub(crate) fn settle(jobs: &[Settled], now: Timestamptz) -> Result<()> {
    if jobs.iter().all(|job| job.job.node.cost == 0) {
        return Ok(());
    }
    let spenders = spenders(jobs)?;
    let prices = prices(&spenders)?;
    let mut uses = Vec::new();
    for spender in &spenders {
        let spent = spender.spent(&prices);
        let more = i64::from(spent) - i64::from(spender.cost);
        if more != 0 {
            let more = i32::try_from(more).unwrap_or(i32::MAX);
            uses.push(Use::new(spender.account, SPEND, spender.at, more));
        }
        if spent > 0 {
            spender.count(spent, now)?;
        }
    }
    usage::record(&uses)
}

fn spenders(jobs: &[Settled]) -> Result<Vec<Spender<'_>>> {
    let spend: Vec<_> = jobs.iter().filter(|job| job.job.node.cost > 0 && job.job.node.used_at > 0).collect();
    let platform = |memory: &memory::Memory<'_>, job: &Settled| memory.set.platform(job.job.ix).to_owned();
    let platforms: Vec<_> = memory::with(|memory| spend.iter().map(|job| platform(memory, job)).collect())?;
    // What was stated is read here, while nobody waits for the memory.
    let with_account = spend.into_iter().zip(platforms).filter_map(|(job, platform)| {
        let (account, action) = (job.job.account?, job.job.limited.as_deref()?);
        Some(Spender {
            account,
            platform,
            action,
            at: job.job.node.used_at,
            cost: job.job.node.cost,
            charges: job.result.or(job.error).and_then(charges),
            gives_back: job.said.gives_back(),
        })
    });
    Ok(with_account.collect())
}

/// What a worker says was charged for. What can't be read says nothing.
fn charges(stated: Jsonb) -> Option<Value> {
    let stated = stated.parse("charges", MAX_STATED_BYTES).ok()?;
    stated.get("charges").filter(|charges| charges.is_object()).cloned()
}

fn prices(spenders: &[Spender<'_>]) -> Result<Prices> {
    let stated = || spenders.iter().filter(|spender| spender.charges.is_some());
    if stated().next().is_none() {
        return Ok(Prices::new());
    }
    let platforms: Vec<_> = stated().map(|spender| spender.platform.as_str()).collect();
    let actions: Vec<_> = stated().map(|spender| spender.action).collect();
    let rows = CHARGES.write(&[platforms.into(), actions.into()], |row| {
        Ok(((row.need(1)?, row.need(2)?, row.need(3)?), row.need::<i32>(4)?.unsigned_abs()))
    })?;
    Ok(rows.into_iter().collect())
}

impl Spender<'_> {
    /// What it did cost. Who states nothing, or something without a price, has spent what was taken, unless nothing was done.
    fn spent(&self, prices: &Prices) -> u32 {
        let Some(charges) = self.charges.as_ref().and_then(Value::as_object) else {
            return if self.gives_back { 0 } else { self.cost };
        };
        charges.iter().fold(0, |sum: u32, (charge, times)| {
            let key = (self.platform.clone(), self.action.to_owned(), charge.clone());
            let price = prices.get(&key).copied().unwrap_or(self.cost);
            let times = times.as_u64().and_then(|times| u32::try_from(times).ok()).unwrap_or(1);
            sum.saturating_add(price.saturating_mul(times))
        })
    }

    /// Counts it at once; an abort takes it back.
    fn count(&self, spent: u32, now: Timestamptz) -> Result<()> {
        let account = id_of(self.account);
        memory::with(|memory| {
            let whats = [Gated::Action(account, &self.platform, SPEND), Gated::Shared(&self.platform, SPEND)];
            whats.into_iter().try_for_each(|what| memory.set.remember(memory.db, what, self.at, spent, now.0))
        })?
        .map_err(no_room)?;
        transaction::note_use(account, &self.platform, SPEND, self.at, spent, true);
        Ok(())
    }
}

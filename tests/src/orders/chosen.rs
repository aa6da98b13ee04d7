//! Which orders are run: what goes wrong alone, in pairs, behind something else, and at calls of the database.

use super::{FAULTS, Trouble};
use crate::call_proxy::Side;
use crate::sim::fault::Fault;

/// Every fault at every call, a kill and a cut at each.
pub fn singles(flow: &[String]) -> Vec<Vec<Trouble>> {
    let at = |call: &String| {
        let faults = FAULTS.into_iter().map(|fault| Trouble::Call(call.clone(), fault));
        let rest = [Trouble::Kill(call.clone()), Trouble::CutDatabase(call.clone())];
        faults.chain(rest).map(|trouble| vec![trouble]).collect::<Vec<_>>()
    };
    flow.iter().flat_map(at).collect()
}

/// A kill at every call of the database that a publish makes: alone, and where something goes wrong with the platform's call that
/// publishes, so that the publish looks, refreshes, or begins again.
pub fn database_kills(commit: &str) -> Vec<Vec<Trouble>> {
    type Calls = &'static [(&'static str, usize)];
    const CALLS: [(Option<Fault>, Calls); 5] = [
        (
            None,
            &[
                ("start_target", 1),
                ("get_credential", 1),
                ("get_data_key", 1),
                ("save_prepared", 1),
                ("save_prepared", 2),
                ("record_intent", 1),
                ("report_targets", 1),
            ],
        ),
        (Some(Fault::DropAfterCommit), &[("get_credential", 2), ("taken_posts", 1), ("report_targets", 1)]),
        (
            Some(Fault::DropBeforeCommit),
            &[
                ("report_targets", 1),
                ("start_target", 2),
                ("get_credential", 2),
                ("record_intent", 2),
                ("report_targets", 2),
            ],
        ),
        (
            Some(Fault::ExpiredToken),
            &[
                ("get_credential", 2),
                ("begin_refresh", 1),
                ("begin_sealing", 1),
                ("store_credential", 1),
                ("record_intent", 2),
                ("report_targets", 1),
            ],
        ),
        (Some(Fault::Unauthorized), &[("begin_refresh", 1), ("fail_refresh", 1), ("report_targets", 1)]),
    ];
    let mut orders = vec![];
    for (fault, calls) in CALLS {
        let before: Vec<_> = fault.map(|fault| Trouble::Call(commit.to_owned(), fault)).into_iter().collect();
        for (function, nth) in calls {
            for side in [Side::Before, Side::After] {
                orders.push([before.clone(), vec![Trouble::KillAt(function, *nth, side)]].concat());
            }
        }
    }
    orders
}

/// Every fault, a kill and a cut at a call that is only made once one of these went wrong at the call that publishes: a look, a
/// refresh.
pub fn behind(commit: &str, first: &[Fault], call: &str) -> Vec<Vec<Trouble>> {
    let begin = first.iter().map(|fault| Trouble::Call(commit.to_owned(), *fault));
    let then = singles(&[call.to_owned()]);
    begin
        .flat_map(|begin| then.iter().map(move |then| [vec![begin.clone()], then.clone()].concat()))
        .collect()
}

/// Every pair of them, also twice the same. At one call they come in both orders; at two calls the flow decides which is first.
pub fn pairs(flow: &[String]) -> Vec<Vec<Trouble>> {
    let at: Vec<_> = flow.iter().map(|call| singles(std::slice::from_ref(call))).collect();
    let with = |n: usize| at[n..].iter().flat_map(move |later| later.iter());
    let pairs = at.iter().enumerate().flat_map(|(n, calls)| {
        calls.iter().flat_map(move |one| with(n).map(move |other| [one.clone(), other.clone()].concat()))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_run_once_and_at_one_call_in_both_orders() {
        let flow = ["a".to_owned(), "b".to_owned()];
        let (one, two) = (singles(&flow), pairs(&flow));
        let troubles = FAULTS.len() + 2;
        assert_eq!((one.len(), two.len()), (2 * troubles, 3 * troubles * troubles));
        let has = |first: &Trouble, second: &Trouble| two.contains(&vec![first.clone(), second.clone()]);
        let [kill, lost, there] = [
            Trouble::Kill("a".to_owned()),
            Trouble::Call("a".to_owned(), Fault::DropAfterCommit),
            Trouble::CutDatabase("b".to_owned()),
        ];
        assert!(has(&kill, &lost) && has(&lost, &kill), "both orders at one call");
        assert!(has(&kill, &there) && !has(&there, &kill), "one at two calls");
        let behind = behind("a", &[Fault::ServerError, Fault::Garbage], "b");
        assert_eq!((behind.len(), behind[0].len()), (2 * troubles, 2));
    }
}

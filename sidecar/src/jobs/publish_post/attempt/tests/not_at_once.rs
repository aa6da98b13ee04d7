//! On platforms that show a post late, or that refuse one which they have.

use super::*;

/// Sends on X; the class of the failure, and whether it names a time.
async fn send_on_x(
    unclear: bool,
    commits: Vec<Result<(), Failure>>,
    looks: Vec<Result<Found, Failure>>,
) -> (Result<Published, (ErrorClass, bool)>, Vec<&'static str>) {
    let earlier = Earlier { platform: &X, unclear, sent: None };
    let again = || async { Ok(()) };
    let (outcome, calls) =
        with(earlier, commits, looks, async |attempt, _| attempt.send(&frozen(), again).await).await;
    let outcome = outcome.map_err(|stop| match stop {
        Stop::Failed(failure) => (failure.class, failure.retry_at.is_some()),
        stop => panic!("stopped: {stop:?}"),
    });
    (outcome, calls)
}

#[tokio::test]
async fn what_is_not_visible_at_once_is_not_sent_twice_in_a_try() {
    let absent = send_on_x(false, vec![unclear()], vec![Ok(Found::Absent)]).await;
    assert_eq!(absent, (Err((ErrorClass::OutcomeUnknown, true)), vec!["commit", "look"]));
}

#[tokio::test]
async fn a_duplicate_is_ours_only_after_an_unclear_try() {
    let duplicate = || vec![Err(failure(ErrorClass::Duplicate))];
    let foreign = send_on_x(false, duplicate(), vec![]).await;
    assert_eq!(foreign, (Err((ErrorClass::Duplicate, false)), vec!["commit"]));
    let ours = send_on_x(true, duplicate(), vec![Ok(Found::Same(published()))]).await;
    assert_eq!(ours, (Ok(published()), vec!["commit", "look"]));
    // a look that fails is repeated
    let unseen = send_on_x(true, duplicate(), vec![Err(failure(ErrorClass::Transient))]).await;
    assert_eq!(unseen, (Err((ErrorClass::OutcomeUnknown, true)), vec!["commit", "look"]));
}

#[tokio::test]
async fn a_duplicate_of_what_no_list_shows_is_never_sent_again() {
    let (duplicate, absent) = (|| Err(failure(ErrorClass::Duplicate)), || Ok(Found::Absent));
    for (platform, unclear_before, commits, looks) in [
        (&X, true, vec![duplicate()], vec![absent()]),
        // two sends of one try, where nothing has to settle
        (&BLUESKY, false, vec![unclear(), duplicate()], vec![absent(), absent()]),
    ] {
        let earlier = Earlier { platform, unclear: unclear_before, sent: None };
        let again = || async { Ok(()) };
        let send = async |attempt: &Attempt<'_>, _: &Scripted| attempt.send(&frozen(), again).await;
        let (sent, _) = with(earlier, commits, looks, send).await;
        let Err(Stop::Failed(asked)) = sent else { panic!("sent") };
        assert_eq!((asked.class, asked.unknowable), (ErrorClass::OutcomeUnknown, true));
    }
}

//! `crierd status`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::Desk;

#[tokio::test]
async fn it_shows_what_waits_and_who_has_to_log_in() {
    let desk = Desk::new().await;
    let shown = desk.run(&["status", "--zone", "UTC"], "");
    for part in [
        "queue     0 waiting, 0 under way",
        "planned   0 for later\n",
        "late      nothing",
        "every account is logged in",
    ] {
        assert!(shown.contains(part), "expected {part:?} in\n{shown}");
    }
    desk.run(&["post", "Later", "--to", "alice.test", "--at", "2030-12-02 09:00", "--zone", "UTC"], "");
    desk.run(&["post", "Now", "--to", "alice.test", "--at", "now"], "");
    desk.sql
        .run(&format!("UPDATE crier.social_account SET status = 'reauth_required' WHERE id = '{}'", desk.bob))
        .await;
    desk.sql
        .run("UPDATE crier.post_target SET due_at = now() - interval '1 hour' WHERE job_id IS NOT NULL")
        .await;
    let shown = desk.run(&["status", "--zone", "UTC"], "");
    for part in [
        "queue     1 waiting, 0 under way",
        "planned   1 for later; the next is due Mon 2030-12-02 09:00 +00:00\n",
        "logins    1 account needs a login: bluesky:bob.test",
    ] {
        assert!(shown.contains(part), "expected {part:?} in\n{shown}");
    }
    // what was due and got no job, because nobody looks
    desk.sql
        .run("UPDATE crier.post_target SET due_at = now() - interval '1 hour' WHERE job_id IS NULL")
        .await;
    let shown = desk.run(&["status", "--zone", "UTC"], "");
    assert!(shown.contains("late      2, the first by 1h"), "{shown}");
}

#[tokio::test]
async fn a_watch_prints_what_changes_until_it_is_interrupted() {
    let desk = Desk::new().await;
    let mut command = desk.deployment.command();
    command.args(["status", "--watch", "--interval", "200ms"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watch = command.spawn().expect("crierd status");
    let mut lines = BufReader::new(watch.stdout.take().expect("standard output")).lines();
    let first = lines.next().expect("a line").expect("a line");
    assert!(first.contains(" waiting=0 running=0 retrying=0 planned=0 late=0 next=none"), "{first}");
    // it says the same only once: the next line is that of the post
    desk.run(&["post", "Later", "--to", "alice.test", "--at", "2030-12-02 09:00", "--zone", "UTC"], "");
    let second = lines.next().expect("a line").expect("a line");
    assert!(second.contains(" planned=1 ") && second.contains(" next=2030-12-02T09:00:00Z"), "{second}");
    assert!(!first.contains('\u{1b}') && !second.contains('\u{1b}'));
    let pid = i32::try_from(watch.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, Signal::INT).expect("a signal");
    assert_eq!(watch.wait().expect("its end").code(), Some(0));
}

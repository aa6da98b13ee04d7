//! What each role may do by a button, whatever it is that sends the form.

use super::tenants::{Two, member, two};

/// The fields of a form.
type Fields = Vec<(&'static str, String)>;

/// Every act, the fields of its form, and the place of the least role for it.
fn acts(two: &Two) -> Vec<(&'static str, Fields, usize)> {
    let name = |name: &str| two.ours.names[name].clone();
    let post = |which: &str| ("post", name(which));
    let at = |field: &'static str| (field, "2027-06-03T09:00".to_owned());
    vec![
        ("reschedule", vec![post("POST"), at("at")], 1),
        ("duplicate", vec![post("POST")], 1),
        ("cancel", vec![post("POST")], 1),
        ("retry", vec![post("LOST")], 1),
        ("submit", vec![post("DRAFT")], 1),
        ("reject", vec![post("REVIEWED"), ("reason", "no".into())], 2),
        ("approve", vec![post("DRAFT")], 2),
        ("resolve", vec![("target", name("UNCONFIRMED")), ("outcome", "published".into())], 1),
        ("block", vec![("account", name("ACC")), at("until"), ("reason", "holidays".into())], 2),
        ("unblock", vec![("account", name("ACC"))], 2),
        ("retry-job", vec![("job", name("DEAD"))], 1),
        ("pause-schedule", vec![("schedule", name("SCHEDULE"))], 1),
        ("resume-schedule", vec![("schedule", name("SCHEDULE"))], 1),
        ("add-item", vec![("schedule", name("SCHEDULE")), ("text", "one more".into())], 1),
        ("remove-item", vec![("schedule", name("SCHEDULE")), ("item", name("ITEM"))], 1),
        ("end-schedule", vec![("schedule", name("SCHEDULE"))], 1),
        ("delete", vec![post("POST")], 1),
    ]
}

/// Everything that an act may change, as one text.
async fn all(two: &Two) -> String {
    let tables = [
        "post",
        "post_target",
        "limit_block",
        "schedule",
        "schedule_item",
        "job",
        "job_retry",
        "job_outcome",
        "event",
    ];
    let mut found = String::new();
    for table in tables {
        found += &two
            .sql
            .text(&format!(
                "SELECT coalesce(string_agg(t::text, ',' ORDER BY t::text), '') FROM crier.{table} t"
            ))
            .await;
    }
    found
}

#[tokio::test]
async fn a_viewer_and_a_stranger_change_nothing() {
    let two = two().await;
    let viewer = member(&two.url, &two.ours, 0).await;
    let editor = member(&two.url, &two.ours, 1).await;
    let stranger = member(&two.url, &two.theirs, 3).await;
    for page in ["", "/posts", "/accounts", "/queue", "/schedules", "/calendar"] {
        viewer.page(page).await.is(200).has_not("/do/").has_not("New post");
    }
    let before = all(&two).await;
    for (act, fields, least) in acts(&two) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // those that act on several rows leave out what is not the caller's
        let refused = viewer.act(act, &fields).await;
        assert!([403, 404].contains(&refused.status), "{act}: {refused:?}");
        if least == 2 {
            editor.act(act, &fields).await.is(403);
        }
        let refused = stranger.act(act, &fields).await;
        assert!([403, 404, 422].contains(&refused.status), "{act}: {refused:?}");
        let refused = stranger.post(&viewer.path(&format!("/do/{act}")), &fields).await;
        refused.is(404);
        assert_eq!(all(&two).await, before, "{act}");
    }
    let make = [("content", "x"), ("account", two.ours.names["ACC"].as_str()), ("when", "now")];
    viewer.post(&viewer.path("/posts"), &make).await.is(403).has_not("<textarea");
    let refused = stranger.post(&stranger.path("/posts"), &make).await;
    assert!([404, 422].contains(&refused.status), "{refused:?}");
    assert_eq!(all(&two).await, before);
}

/// The control of the one above: the same forms of those who may.
#[tokio::test]
async fn each_act_is_done_by_those_who_may() {
    let two = two().await;
    let owner = member(&two.url, &two.ours, 3).await;
    two.ours.owner().text(&format!("SELECT crier.set_approval('{}', 'admin')", two.ours.workspace)).await;
    for (act, fields, _) in acts(&two) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let before = all(&two).await;
        owner.act(act, &fields).await.is(303);
        assert_ne!(all(&two).await, before, "{act}");
    }
    let job = two.ours.names["DEAD"].as_str();
    // it is no longer a dead one: the same answer as for one that is not there
    owner.act("purge-job", &[("job", job)]).await.is(404);
}

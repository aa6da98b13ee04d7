//! What accounts do besides publishing, as far as one session can see it.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    const POST: &str = "at://did:plc:bob/app.bsky.feed.post/3jzfcijpj2z2a";

    /// The fixture, and an account on each other platform: `t.mastodon`, `t.x`, `t.instagram`.
    fn everywhere() {
        fixture();
        for (platform, id) in [("mastodon", "42"), ("x", "1001"), ("instagram", "17841")] {
            run(&format!(
                "SELECT set_config('t.{platform}', account_id::text, true) FROM crier.connect_account(
                     current_setting('t.ws')::uuid, '{platform}', '{id}', 'alice', 'https://{platform}.example')"
            ));
            run(&format!(
                "SELECT crier.store_credential(current_setting('t.{platform}')::uuid, 1,
                     '\\x0101' || decode(repeat('00', 40), 'hex'))"
            ));
        }
    }

    fn act(account: &str, rest: &str) -> String {
        format!("SELECT crier.act(current_setting('t.{account}')::uuid, {rest})")
    }

    #[pg_test]
    fn what_a_platform_does_not_offer_is_refused_and_what_it_offers_is_named() {
        everywhere();
        for (account, refused_kinds, offers) in [
            ("account", &["'send_dm', 'bob.test', 'hi'"][..], "delete_post, read_metrics, like, follow"),
            ("x", &["'like', '7'", "'follow', '7'"], "delete_post, read_metrics, send_dm"),
            (
                "instagram",
                &["'like', '7'", "'follow', '7'", "'send_dm', '7', 'hi'"],
                "delete_post, read_metrics",
            ),
        ] {
            for rest in refused_kinds {
                let [state, message, detail, hint] = refused(&act(account, rest));
                assert_eq!((state.as_str(), detail.as_str()), ("22023", "unsupported"), "{message}");
                assert!(message.ends_with(&format!("but {offers}")), "{message}");
                assert!(!hint.is_empty());
            }
        }
        for (account, rest) in [
            ("account", format!("'like', '{POST}'")),
            ("account", "'follow', 'bob.test'".into()),
            ("mastodon", "'like', '9'".into()),
            ("mastodon", "'follow', '@bob@b.example'".into()),
            ("mastodon", "'send_dm', 'bob@b.example', 'hi'".into()),
            ("x", "'send_dm', '1002', 'hi'".into()),
        ] {
            let id: pgrx::Uuid = one(&act(account, &rest));
            let shown: String = one(&format!(
                "SELECT concat_ws(' ', a ->> 'state', a ->> 'kind', j.kind, j.state) FROM crier.get_action('{id}') a
                 JOIN crier.jobs j ON j.id = (a ->> 'job_id')::uuid"
            ));
            let kind = rest.split('\'').nth(1).unwrap_or_default();
            assert_eq!(shown, format!("waiting {kind} {kind} pending"));
        }
    }

    #[pg_test]
    fn a_message_is_held_to_the_platforms_rules() {
        everywhere();
        for (account, rest, part) in [
            ("mastodon", "'send_dm', '@bob', repeat('a', 500)", "the text has 505 characters"),
            ("mastodon", "'send_dm', '@bob', 'about @eve'", "mentions \"@eve\""),
            ("mastodon", "'send_dm', '@bob'", "no text"),
            ("mastodon", "'send_dm', '@bob hi', 'x'", "is not what mastodon calls an account"),
            ("mastodon", "'like', '../9'", "is not what mastodon calls a post"),
            ("x", "'send_dm', 'bob', 'x'", "is not what x calls an account"),
            ("x", "'send_dm', '1002', repeat('a', 10001)", "the text has 10001 characters"),
        ] {
            let [state, message, detail, _] = refused(&act(account, rest));
            assert_eq!((state.as_str(), detail.as_str()), ("22023", "content_invalid"), "{message}");
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.account_action"), 0);
    }

    #[pg_test]
    fn an_account_that_can_not_act_is_refused() {
        everywhere();
        for (status, part) in [("reauth_required", "needs a new login"), ("paused", "is paused")] {
            run(&format!("UPDATE crier.social_account SET status = '{status}'"));
            let [state, message, detail, _] = refused(&act("x", "'send_dm', '1002', 'hi'"));
            assert_eq!((state.as_str(), detail.as_str()), ("22023", "account_unusable"), "{message}");
            assert!(message.contains(part), "{message}");
        }
    }

    #[pg_test]
    fn users_have_jobs_of_these_kinds_made_for_them() {
        everywhere();
        run("SET LOCAL ROLE crier_app");
        run("SELECT set_config('crier.user_id', current_setting('t.owner'), true)");
        for kind in ["like", "follow", "send_dm", "delete_post", "read_metrics"] {
            let [state, message, ..] = refused(&format!(
                "SELECT crier.enqueue('{kind}', workspace_id => current_setting('t.ws')::uuid)"
            ));
            assert_eq!(state, "42501", "{message}");
            assert!(message.contains("crier.act()"), "{message}");
        }
        let is_owners: bool = one(&format!(
            "SELECT crier.get_action(({})) ->> 'user_id' = current_setting('t.owner')",
            act("x", "'send_dm', '1002', 'hi'")
        ));
        assert!(is_owners);
    }
}

//! What each statement is typically called with, as SQL. A statement whose parameters may be null has a line for each way
//! it is called.

/// A call of a statement.
pub(super) struct Typical {
    /// The file below `sql/queries/`, without the ending.
    pub(super) name: &'static str,
    /// The arguments.
    pub(super) args: &'static str,
    /// How many pages it may look at.
    pub(super) pages: i64,
    /// The types of its parameters, where the server can't tell them from the statement.
    pub(super) types: &'static str,
    /// Tables of which it may read all rows of a day.
    pub(super) reads: &'static [&'static str],
}

/// How many pages a call may look at where nothing else is said: a hundred jobs are looked up in it, a few tables
/// each, by indexes of three levels.
pub(super) const PAGES: i64 = 2_500;

pub(super) const fn call(name: &'static str, args: &'static str) -> Typical {
    long(name, args, PAGES)
}

/// A call that looks at more pages, for a reason that stands beside it.
const fn long(name: &'static str, args: &'static str, pages: i64) -> Typical {
    Typical { name, args, pages, types: "", reads: &[] }
}

impl Typical {
    const fn of_types(mut self, types: &'static str) -> Self {
        self.types = types;
        self
    }

    const fn reading(mut self, tables: &'static [&'static str]) -> Self {
        self.reads = tables;
        self
    }
}

/// Values that the calls are made of: jobs from all over the history.
pub(super) const FUNCTIONS: &str = "
    CREATE TEMPORARY TABLE picked AS
    (SELECT 'finished' AS what, id FROM crier.job_outcome TABLESAMPLE system (1) WHERE state = 'completed' ORDER BY md5(id::text) LIMIT 100)
    UNION ALL
    (SELECT 'dead', id FROM crier.job_outcome WHERE state = 'failed' ORDER BY md5(id::text) LIMIT 100)
    UNION ALL
    (SELECT 'waiting', k.job_id FROM crier.job_key k
     WHERE NOT EXISTS (SELECT FROM crier.job_outcome o WHERE o.id = k.job_id) ORDER BY md5(k.job_id::text) LIMIT 100)
    UNION ALL
    (SELECT 'posting', job_id FROM crier.post_target WHERE state = 'scheduled' LIMIT 100);
    CREATE FUNCTION pg_temp.picked_jobs(what text, n int) RETURNS uuid[] LANGUAGE sql AS $$
        SELECT array_agg(id) FROM (SELECT id FROM picked p WHERE p.what = picked_jobs.what ORDER BY md5(id::text) LIMIT n) AS s $$;
    CREATE FUNCTION pg_temp.finished(n int) RETURNS uuid[] LANGUAGE sql AS $$ SELECT pg_temp.picked_jobs('finished', n) $$;
    CREATE FUNCTION pg_temp.dead(n int) RETURNS uuid[] LANGUAGE sql AS $$ SELECT pg_temp.picked_jobs('dead', n) $$;
    CREATE FUNCTION pg_temp.waiting(n int) RETURNS uuid[] LANGUAGE sql AS $$ SELECT pg_temp.picked_jobs('waiting', n) $$;
    CREATE FUNCTION pg_temp.posting(n int) RETURNS uuid[] LANGUAGE sql AS $$ SELECT pg_temp.picked_jobs('posting', n) $$;
    CREATE FUNCTION pg_temp.new(n int) RETURNS uuid[] LANGUAGE sql AS $$
        SELECT array_agg(crier.new_id()) FROM generate_series(1, n) $$;
    CREATE FUNCTION pg_temp.workspaces(n int) RETURNS uuid[] LANGUAGE sql AS $$
        SELECT array_agg(md5('workspace' || w)::uuid) FROM generate_series(1, n) AS w $$;
    CREATE FUNCTION pg_temp.accounts(n int) RETURNS uuid[] LANGUAGE sql AS $$
        SELECT array_agg(md5('account' || a)::uuid) FROM generate_series(1, n) AS a $$;
    CREATE FUNCTION pg_temp.posts(n int) RETURNS uuid[] LANGUAGE sql AS $$
        SELECT array_agg(md5('post' || 20 * p)::uuid) FROM generate_series(1, n) AS p $$;
    CREATE FUNCTION pg_temp.targets(n int) RETURNS uuid[] LANGUAGE sql AS $$
        SELECT array_agg(id) FROM (SELECT id FROM crier.post_target LIMIT n) AS t $$;
    CREATE FUNCTION pg_temp.many(value anyelement, n int DEFAULT 100) RETURNS anyarray LANGUAGE sql AS $$
        SELECT array_agg(value) FROM generate_series(1, n) $$;
    CREATE FUNCTION pg_temp.keys(n int) RETURNS text[] LANGUAGE sql AS $$
        SELECT array_agg('new key ' || k) FROM generate_series(1, n) AS k $$;
    CREATE FUNCTION pg_temp.claimed(ago interval) RETURNS bigint LANGUAGE sql AS $$
        SELECT ((extract(epoch FROM now() - ago) - 946684800) * 1000000)::bigint $$;
    CREATE FUNCTION pg_temp.claim_of_finished() RETURNS bigint LANGUAGE sql AS $$
        SELECT token FROM crier.job_claim ORDER BY recorded_at LIMIT 1 $$;
    CREATE FUNCTION pg_temp.at(midnights_ago int) RETURNS uuid LANGUAGE sql AS $$
        SELECT (lpad(to_hex((extract(epoch FROM date_trunc('day', now(), 'UTC')) * 1000)::bigint - midnights_ago * 86400000::bigint), 12, '0')
                || repeat('0', 20))::uuid $$;
";

/// In the order of the files.
#[rustfmt::skip]
pub(super) const TYPICAL: &[Typical] = &[
    call("statistics/users", "(pg_temp.workspaces(1))[1], NULL").of_types("uuid, uuid"),
    call("cache/begin", "'service', '00000000-0000-0000-0000-000000000000', 'a', now(), now() + interval '1 minute'"),
    call("cache/count", "1, true, false"),
    call("cache/get", "'service', '00000000-0000-0000-0000-000000000000', 'a', now()"),
    call("cache/make_room", "'user', (pg_temp.workspaces(1))[1], 1000"),
    call("cache/set", "'service', '00000000-0000-0000-0000-000000000000', 'a', '1', now()"),
    call("connecting/account", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1]"),
    call("connecting/begin", "(pg_temp.workspaces(1))[1], crier.new_id(), NULL, 'x', NULL, NULL, 'https://a.example/', now(), now() + interval '5 minutes'")
        .of_types("uuid, uuid, uuid, text, text, uuid, text, timestamptz, timestamptz"),
    call("connecting/begin_app", "'mastodon', 'https://m.example', 'https://c.example', crier.new_id(), 0, now(), now()"),
    call("connecting/confirm", "(pg_temp.workspaces(1))[1], crier.new_id(), 'a secret', now()"),
    call("connecting/count_tickets", "(pg_temp.workspaces(1))[1], now(), 100"),
    call("connecting/end", "(pg_temp.workspaces(1))[1], crier.new_id()"),
    call("connecting/get_app", "'mastodon', 'https://m.example', 'https://c.example'"),
    call("connecting/granted", "'a secret', now(), false, crier.new_id()"),
    call("connecting/keep", "(pg_temp.workspaces(1))[1], crier.new_id(), ARRAY['started'], 'login', sha256('a'), sha256('b'), NULL, decode('0202' || repeat('00', 60), 'hex'), now()")
        .of_types("uuid, uuid, text[], text, bytea, bytea, text, bytea, timestamptz"),
    call("connecting/lock_workspace", "(pg_temp.workspaces(1))[1]"),
    call("connecting/note_app", "crier.new_id(), 1, true, now()").of_types("uuid, bigint, boolean, timestamptz"),
    call("connecting/release_app", "crier.new_id(), 1").of_types("uuid, bigint"),
    call("connecting/store_app", "crier.new_id(), 1, decode('0202' || repeat('00', 60), 'hex'), now()"),
    call("connecting/take", "sha256('a'), 'ticket', 'started', now()"),
    call("keys/sealing_key", "(pg_temp.workspaces(1))[1]").of_types("uuid"),
    call("keys/count_messages", "(pg_temp.workspaces(1))[1], 1000").of_types("uuid, bigint"),
    call("keys/add_data_key", "crier.new_id(), (pg_temp.workspaces(1))[1], 1, decode('0202' || repeat('00', 76), 'hex'), now()"),
    call("keys/retire_data_key", "crier.new_id(), (pg_temp.workspaces(1))[1], now()").of_types("uuid, uuid, timestamptz"),
    call("keys/get_data_key", "crier.new_id()"),
    call("keys/list_data_keys", "1, '00000000-0000-0000-0000-000000000000', 200"),
    call("keys/rewrap_data_key", "crier.new_id(), decode('0202' || repeat('00', 76), 'hex'), decode('0202' || repeat('00', 76), 'hex'), 1"),
    call("keys/list_credentials", "(pg_temp.accounts(1))[1], 200"),
    call("keys/list_alert_endpoints", "crier.new_id(), 200"),
    call("keys/reseal_credential", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1], 1, decode('0101' || repeat('00', 40), 'hex'), decode('0202' || repeat('00', 60), 'hex')"),
    call("keys/reseal_alert_endpoint", "NULL, crier.new_id(), 1, decode('0101' || repeat('00', 40), 'hex'), decode('0202' || repeat('00', 60), 'hex')").of_types("uuid, uuid, bigint, bytea, bytea"),
    // an operator asks it: every sealed value is looked at
    long("keys/usage", "", 100_000).reading(&["credential"]),
    call("accounts/activate", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1], now()"),
    call("accounts/add_event", "(pg_temp.workspaces(1))[1], crier.new_id(), 'account_connected', (pg_temp.accounts(1))[1], '{}', now()"),
    call("accounts/begin_refresh", "(pg_temp.accounts(1))[1], 1, now(), now() + interval '1 minute'"),
    call("accounts/connect", "(pg_temp.workspaces(1))[1], crier.new_id(), 'bluesky', 'did:1', 'h', 'http://localhost', now(), ''"),
    call("accounts/count_workspaces", "(pg_temp.workspaces(1))[1], 'bluesky', 'did:1', '', 50"),
    call("accounts/defer_refresh", "(pg_temp.accounts(1))[1], 1, 0, now()"),
    // a hundred rows are locked, judged and written, of four platforms
    // a thousand of ten thousand accounts: here a scan of all is no worse, and the extension forbids it
    long("accounts/expiring", "'{bluesky,instagram,mastodon,x}', now(), 100, now() + interval '5 minutes', '{}', '{}', 100", 5_000)
        .reading(&["social_account", "credential"]),
    call("accounts/find", "(pg_temp.accounts(1))[1], pg_temp.workspaces(10)"),
    call("accounts/find", "(pg_temp.accounts(1))[1], NULL"),
    call("accounts/lock_to_decide", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1]"),
    call("accounts/pause", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1], now()"),
    call("accounts/resume", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1], now()"),
    call("accounts/schedule_naming", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1]"),
    call("accounts/lock_posts", "md5('workspace20')::uuid, md5('account1020')::uuid"),
    call("accounts/jobs", "md5('workspace20')::uuid, md5('account1020')::uuid, 1000"),
    call("accounts/lock_targets", "md5('workspace20')::uuid, md5('account1020')::uuid"),
    call("accounts/lock_actions", "md5('workspace20')::uuid, md5('account1020')::uuid"),
    call("accounts/tell_posts", "md5('workspace20')::uuid, md5('account1020')::uuid, pg_temp.new(10), pg_temp.new(10), '{}', now()"),
    call("accounts/close", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1], now()"),
    call("accounts/fail_refresh", "(pg_temp.accounts(1))[1], 1, 0, now(), true, '1 minute', '1 hour', NULL, '{}', 0.5"),
    call("accounts/hand_back_refreshes", "(pg_temp.accounts(1)), '{1}', ARRAY[now()], ARRAY[now()]"),
    call("accounts/get_credential", "(pg_temp.accounts(1))[1], now()"),
    call("accounts/lock_account", "(pg_temp.accounts(1))[1]"),
    call("accounts/parked", "(pg_temp.accounts(100))[100]"),
    call("accounts/require_reauth", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1], now(), 'gone'"),
    call("accounts/token_status", "pg_temp.accounts(50), pg_temp.workspaces(10)"),
    call("accounts/token_status", "pg_temp.accounts(50), NULL"),
    call("accounts/store_credential", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1], NULL, 2, decode('0101' || repeat('00', 40), 'hex'), now(), now(), now(), 'bluesky', now()")
        .of_types("uuid, uuid, uuid, bigint, bytea, timestamptz, timestamptz, timestamptz"),
    call("actions/account", "(pg_temp.accounts(1))[1], NULL"),
    call("actions/account", "(pg_temp.accounts(1))[1], pg_temp.workspaces(100)"),
    call("actions/find", "crier.new_id(), NULL"),
    call("actions/find", "crier.new_id(), pg_temp.workspaces(100)"),
    call("actions/find_target", "(pg_temp.targets(1))[1], NULL"),
    call("actions/find_target", "(pg_temp.targets(1))[1], pg_temp.workspaces(100)"),
    call("actions/get", "crier.new_id(), NULL"),
    call("actions/get", "crier.new_id(), pg_temp.workspaces(100)"),
    call("actions/insert", "(pg_temp.workspaces(1))[1], crier.new_id(), (pg_temp.accounts(1))[1], 'bluesky', 'follow', 'a.test', NULL, NULL, NULL, crier.new_id(), now(), now()"),
    call("actions/lock", "pg_temp.waiting(100)"),
    call("actions/lock_target", "(pg_temp.workspaces(1))[1], (pg_temp.targets(1))[1]"),
    call("actions/open_delete", "(pg_temp.workspaces(1))[1], (pg_temp.targets(1))[1]"),
    call("actions/record_sending", "(pg_temp.waiting(1))[1], now()"),
    call("actions/resolve", "(pg_temp.workspaces(1))[1], crier.new_id(), 'done', NULL, now(), crier.new_id()"),
    call("actions/set_states", "pg_temp.waiting(100), pg_temp.many('done'::text), pg_temp.many('{}'::jsonb), now(), pg_temp.new(100)"),
    call("actions/start", "(pg_temp.waiting(1))[1], 1, now()"),
    call("actions/start_reading", "(pg_temp.posting(1))[1]"),
    call("actions/store_metrics", "(pg_temp.posting(1))[1], 1, 2, 3, NULL, now()"),
    call("activity/note", "(pg_temp.workspaces(1))[1], crier.new_id(), 'user', NULL, 'post_created', 'post', NULL, '{}', now()")
        .of_types("uuid, uuid, text, uuid, text, text, uuid, jsonb, timestamptz"),
    call("activity/workspace_of_pause", "(pg_temp.accounts(1))[1], NULL"),
    call("activity/workspace_of_pause", "NULL, (pg_temp.workspaces(1))[1]"),
    call("activity/workspaces_of_jobs", "pg_temp.finished(100)"),
    call("analytics/add_kinds", "pg_temp.workspaces(10), pg_temp.many('a'::text, 10)"),
    call("analytics/crowded", "pg_temp.workspaces(10), 200").of_types("uuid[], bigint"),
    call("analytics/days", "(pg_temp.workspaces(1))[1], now() - interval '30 days', now(), 'day', true, true, false, NULL")
        .of_types("uuid, timestamptz, timestamptz, text, boolean, boolean, boolean, text[]"),
    call("analytics/hours", "(pg_temp.workspaces(1))[1], now() - interval '3 days', now(), 'hour', true, true, false, NULL")
        .of_types("uuid, timestamptz, timestamptz, text, boolean, boolean, boolean, text[]"),
    call("analytics/lock_workspaces", "pg_temp.workspaces(10)"),
    call("analytics/missing_account", "pg_temp.many((pg_temp.workspaces(1))[1]), pg_temp.accounts(100)"),
    call("analytics/new_kinds", "pg_temp.workspaces(10), pg_temp.many('a'::text, 10)"),
    call("analytics/outcomes", "(pg_temp.workspaces(1))[1], now() - interval '30 days', now()").of_types("uuid, timestamptz, timestamptz"),
    call("analytics/platforms", ""),
    call("analytics/set_reading", "(pg_temp.workspaces(1))[1], false"),
    call(
        "analytics/record",
        "pg_temp.many((pg_temp.workspaces(1))[1]), pg_temp.new(100), pg_temp.many(now()), pg_temp.many('click'::text), \
         pg_temp.many(NULL::text), pg_temp.accounts(100), pg_temp.new(100), pg_temp.many('1'::text), pg_temp.many(NULL::jsonb)",
    ),
    call("alerts/are_made", ""),
    call("alerts/add_endpoint", "crier.new_id(), (pg_temp.workspaces(1))[1], 'https://x/', NULL, decode('0101' || repeat('00', 40), 'hex'), now()")
        .of_types("uuid, uuid, text, text[], bytea, timestamptz"),
    call("alerts/add_endpoint", "crier.new_id(), NULL, 'https://x/', '{post.failed}', decode('0101' || repeat('00', 40), 'hex'), now()")
        .of_types("uuid, uuid, text, text[], bytea, timestamptz"),
    call("alerts/count_endpoints", "(pg_temp.workspaces(1))[1]").of_types("uuid"),
    call("alerts/count_endpoints", "NULL").of_types("uuid"),
    call("alerts/enable_endpoint", "crier.new_id(), true"),
    call("alerts/endpoint_of", "(pg_temp.waiting(1))[1]"),
    call("alerts/get_endpoint", "crier.new_id()"),
    call("alerts/list_endpoints", "NULL, NULL, 1000"),
    call("alerts/list_endpoints", "(pg_temp.workspaces(1))[1], pg_temp.workspaces(100), 1000"),
    call("alerts/lock_endpoints", "NULL").of_types("uuid"),
    call("alerts/listeners", "pg_temp.workspaces(100), 1000").of_types("uuid[], bigint"),
    call("alerts/note_delivery", "crier.new_id(), (pg_temp.workspaces(1))[1], now(), 'message', NULL, now() - interval '5 days'")
        .of_types("uuid, uuid, timestamptz, text, text, timestamptz"),
    call("alerts/remove_endpoint", "crier.new_id()"),
    call("alerts/start", "(pg_temp.waiting(1))[1], crier.new_id()"),
    call("alerts/tell_once", "pg_temp.accounts(100), 'account.reauth_required'"),
    call("alerts/workspace_of", "crier.new_id(), NULL"),
    call("alerts/workspace_of", "crier.new_id(), pg_temp.workspaces(100)"),
    call("installation/adopt", "'1', 1"),
    call("installation/ids", ""),
    call("installation/is_migrated", ""),
    call("installation/is_ours", "'1', 1"),
    call("installation/migrations_applied", ""),
    call("installation/record_migration", "1000, 'name', 'sum'"),
    call("installation/schema_versions", ""),
    call("job_log/append", "pg_temp.new(100), pg_temp.waiting(100), pg_temp.many('info'::text), pg_temp.many('line'::text), pg_temp.many('{}'::text), now()"),
    call("limits/account", "md5('account1020')::uuid, NULL"),
    call("limits/account", "md5('account1020')::uuid, pg_temp.workspaces(100)"),
    call("limits/actions", "md5('account1020')::uuid, 'bluesky', md5('workspace20')::uuid"),
    call("limits/block", "pg_temp.accounts(100), pg_temp.many('like'::text), pg_temp.many(false), pg_temp.many(now()), pg_temp.many(NULL::text), pg_temp.many('platform'::text), now()"),
    call("limits/block_server", "'bluesky', 'h', now(), NULL, now()"),
    call("limits/blocked_until", "'bluesky', '', md5('account1020')::uuid, 'publish', now()"),
    // whatever is blocked
    call("limits/blocks", "now()").reading(&["limit_block"]),
    call("limits/blocks_of_account", "md5('account1020')::uuid, now()"),
    call("limits/charges", "pg_temp.many('x'::text), pg_temp.many('publish'::text)"),
    call("limits/drop_own_limit", "md5('workspace20')::uuid, md5('account1020')::uuid, 'publish', '1 hour'"),
    call("limits/kinds", ""),
    call("limits/known_action", "'publish'"),
    call("limits/limits", ""),
    // everything used in the longest window, once after a start
    long("limits/load_use", "0, 9000000000000000000, 60000000", 60_000).reading(&["limit_use", "social_account"]),
    call("limits/platform_limit", "'bluesky', 'publish', '1 hour'"),
    long("limits/longest_window", "", 5_000).reading(&["account_limit"]),
    // whatever is limited by itself
    long("limits/own_limits", "", 5_000).reading(&["account_limit", "social_account"]),
    call("limits/own_limits_of", "md5('workspace20')::uuid, md5('account1020')::uuid, 'publish'"),
    call("limits/platforms", ""),
    call("limits/prices", ""),
    call("limits/record_use", "1, pg_temp.accounts(100), pg_temp.many('like'::text), pg_temp.many(1)"),
    call("limits/record_uses", "pg_temp.many(1::bigint), pg_temp.accounts(100), pg_temp.many('like'::text), pg_temp.many(1)"),
    call("limits/request_limit", "'general'"),
    call("limits/set_own_limit", "md5('workspace20')::uuid, md5('account1020')::uuid, 'like', '1 hour', 5, true, now()"),
    call("limits/unblock", "'bluesky', '', md5('account1020')::uuid, 'publish', NULL"),
    call("pages/bucket", "'week', now(), 'Europe/Berlin'"),
    call("pages/days_indexed", "'job_log', 'words'"),
    call("pages/activity", "pg_temp.at(10), pg_temp.at(-1), 51, (pg_temp.workspaces(1))[1]"),
    call("pages/activity_choose", "pg_temp.new(100), (pg_temp.workspaces(1))[1], NULL, 'post_created', NULL, NULL"),
    call("pages/activity_items", "pg_temp.new(100), (pg_temp.workspaces(1))[1]"),
    call("pages/events_all", "pg_temp.at(10), pg_temp.at(-1), 51"),
    call("pages/events_choose", "pg_temp.targets(100), 'post_published', NULL, NULL"),
    call("pages/events_items", "pg_temp.targets(100)"),
    // up to 51 of each workspace
    long("pages/events_of_workspaces", "pg_temp.at(10), pg_temp.at(-1), 51, pg_temp.workspaces(100)", 10_000),
    call("pages/calendar", "md5('workspace20')::uuid, now() - interval '5 days', now(), NULL, 1000, 100000"),
    // every post of the span is looked at
    long("pages/calendar", "md5('workspace20')::uuid, now() - interval '5 days', now(), (pg_temp.accounts(1))[1], 1000, 100000", 5_000),
    call("pages/calendar_slots", "md5('workspace20')::uuid, now() - interval '5 days', now(), 1000"),
    call("pages/calendar_slots_of_account", "md5('workspace20')::uuid, now() - interval '5 days', now(), 1000, md5('account1020')::uuid"),
    call("pages/calendar_items", "md5('workspace20')::uuid, pg_temp.posts(100), pg_temp.many(now())"),
    call("pages/must_occur", "'upload \"3 tries\" -fast'"),
    call("pages/posts_all", "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51"),
    call("pages/posts_choose", "pg_temp.posts(100), 'published', (pg_temp.accounts(1))[1], 'tag 3', 'text -other'"),
    call("pages/posts_choose", "pg_temp.posts(100), NULL, NULL, 'tag 3', NULL"),
    call("pages/posts_choose", "pg_temp.posts(100), NULL, NULL, NULL, 'text'"),
    call("pages/posts_items", "pg_temp.posts(100)"),
    call("pages/posts_of_account", "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51, md5('account1020')::uuid, NULL").of_types("uuid, uuid, bigint, uuid, uuid[]"),
    call("pages/posts_of_account", "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51, md5('account1020')::uuid, pg_temp.workspaces(100)"),
    call("pages/posts_of_tag", "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51, ARRAY[md5('workspace20')::uuid], 'tag 3'"),
    // as above
    long("pages/posts_of_workspaces", "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51, pg_temp.workspaces(100)", 10_000),
    call("pages/schedules_all", "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51"),
    call("pages/schedules_choose", "pg_temp.posts(100), 'active', NULL"),
    call("pages/schedules_items", "pg_temp.posts(100)"),
    long("pages/schedules_of_workspaces", "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51, pg_temp.workspaces(100)", 10_000),
    call("pages/posts_page", "pg_temp.posts(50)"),
    call("pages/post_timeline", "(pg_temp.posts(1))[1], NULL, 200").of_types("uuid, uuid[], bigint"),
    call("pages/post_timeline", "(pg_temp.posts(1))[1], pg_temp.workspaces(100), 200"),
    call("pages/webhooks_all", "pg_temp.at(10), pg_temp.at(-1), 51"),
    call("pages/webhooks_choose", "pg_temp.targets(100), 'tiktok', NULL, NULL, NULL"),
    call("pages/webhooks_items", "pg_temp.targets(100)"),
    // as events_of_workspaces
    long("pages/webhooks_of_workspaces", "pg_temp.at(10), pg_temp.at(-1), 51, pg_temp.workspaces(100)", 10_000),
    call("posts/accounts", "(pg_temp.workspaces(1))[1], pg_temp.accounts(10)"),
    call("posts/get_post", "md5('post20')::uuid, NULL"),
    call("posts/get_post", "md5('post20')::uuid, pg_temp.workspaces(100)"),
    call("posts/insert_post", "(pg_temp.workspaces(1))[1], crier.new_id(), NULL, 'text', '[]', '{}', now(), now(), NULL, 'scheduled', '{}', NULL, NULL, false, 0, false, NULL"),
    call("posts/insert_targets", "md5('workspace20')::uuid, md5('post20')::uuid, pg_temp.new(2), ARRAY[md5('account1020')::uuid, md5('account2020')::uuid], '{bluesky,bluesky}', pg_temp.new(2), now(), '{0,0}', '{NULL,NULL}', '{NULL,NULL}', '{false,false}', '{scheduled,scheduled}', '{now,now}', '{false,false}', '{NULL,NULL}', '{NULL,NULL}'"),
    call("posts/add_event", "md5('workspace20')::uuid, crier.new_id(), 'post_edited', md5('post20')::uuid, '{}', now(), now(), NULL"),
    call("posts/book_slot", "md5('workspace20')::uuid, md5('account1020')::uuid, now(), crier.new_id()"),
    call("posts/booked_slots", "md5('workspace20')::uuid, md5('post1020')::uuid"),
    call("posts/drop_slots", "md5('workspace20')::uuid, md5('account1020')::uuid"),
    call("posts/free_slots", "md5('workspace20')::uuid, md5('post1020')::uuid, ARRAY[md5('account1020')::uuid]"),
    call("posts/get_slots", "md5('workspace20')::uuid, md5('account1020')::uuid"),
    call("posts/set_slots", "md5('workspace20')::uuid, md5('account1020')::uuid, 'UTC', '{}', now()"),
    call("posts/taken_slots", "md5('workspace20')::uuid, md5('account1020')::uuid, now() - interval '10 days', 1000"),
    call("posts/cancel_targets", "md5('workspace20')::uuid, pg_temp.targets(2), now()"),
    call("posts/delete_post", "md5('workspace20')::uuid, md5('post20')::uuid"),
    call("posts/drop_targets", "md5('workspace20')::uuid, pg_temp.targets(2)"),
    call("posts/freeze", "md5('workspace20')::uuid, md5('post20')::uuid, ARRAY[md5('account1020')::uuid]"),
    call("posts/hide_post", "md5('workspace20')::uuid, md5('post20')::uuid, now()"),
    call("posts/lock_post", "md5('workspace20')::uuid, md5('post20')::uuid"),
    call("posts/next_due", "now()"),
    call("posts/place", "pg_temp.workspaces(100), pg_temp.targets(100), pg_temp.new(100), now()"),
    call("posts/reopen", "md5('workspace20')::uuid, md5('post20')::uuid, pg_temp.targets(2), '{now,now}', now()"),
    call("posts/set_approval", "md5('workspace20')::uuid, 'admin'"),
    call("posts/set_plan", "md5('workspace20')::uuid, md5('post20')::uuid, 'scheduled', now(), false, now()"),
    call("posts/set_tags", "md5('workspace20')::uuid, md5('post20')::uuid, '{news,summer}'"),
    call("posts/take_due", "now(), 100"),
    call("posts/update_post", "md5('workspace20')::uuid, md5('post20')::uuid, 'text', '[]', '{}', '{}', NULL, NULL, NULL, false, 0, now()"),
    call("posts/insert_workspace", "crier.new_id(), 'name', crier.new_id()"),
    call("posts/job_ids", "md5('workspace20')::uuid, md5('post20')::uuid"),
    call("posts/lock_targets", "md5('workspace20')::uuid, md5('post20')::uuid"),
    call("posts/my_workspaces", "md5('user1')::uuid, NULL"),
    call("posts/my_workspaces", "md5('user1')::uuid, '{owner,editor}'"),
    call("posts/workspace_of", "md5('post20')::uuid, NULL"),
    call("posts/workspace_of", "md5('post20')::uuid, pg_temp.workspaces(100)"),
    call("posts/workspace_role", "(pg_temp.workspaces(1))[1], md5('user1')::uuid"),
    call("publishing/advance", "pg_temp.workspaces(100), pg_temp.posts(100), pg_temp.accounts(100), pg_temp.many(1), pg_temp.new(100), now()"),
    call("publishing/contested", "pg_temp.posting(100), pg_temp.many('{\"external_id\": \"did:1/post\"}'::jsonb), 500"),
    call("publishing/find_target", "(pg_temp.targets(1))[1], NULL"),
    call("publishing/find_target", "(pg_temp.targets(1))[1], pg_temp.workspaces(100)"),
    call("publishing/is_deleted", "(pg_temp.posting(1))[1]"),
    call("publishing/lock_targets", "pg_temp.posting(100)"),
    call("publishing/record_intent", "(pg_temp.posting(1))[1], 'key', 'request', now()"),
    call("publishing/resolve", "(pg_temp.workspaces(1))[1], (pg_temp.targets(1))[1], 'published', 'https://x.example', md5('user1')::uuid, now(), (pg_temp.new(1))[1]"),
    call("publishing/retry", "pg_temp.dead(100), now()"),
    call("publishing/save_prepared", "(pg_temp.posting(1))[1], '{}', now()"),
    call("publishing/taken_posts", "(pg_temp.posting(1))[1], '{one,two}'"),
    call("publishing/withdraw_intent", "(pg_temp.posting(1))[1], now()"),
    // the index of events takes an entry for each
    long("publishing/set_states", "pg_temp.posting(100), pg_temp.many('failed'::text), pg_temp.many('{}'::jsonb), now(), pg_temp.new(100)", 5_000),
    call("publishing/start", "(pg_temp.posting(1))[1], 1, now()"),
    call("queue/accounts_elsewhere", "pg_temp.workspaces(100), pg_temp.accounts(100)"),
    call("queue/begin_task", "'expire_pending_jobs', 1000"),
    call("queue/cached_result", "md5('user1')::uuid, 'kind 10', '{\"n\": 10}', now() - interval '1 hour', NULL"),
    call("queue/cached_result", "md5('user1')::uuid, 'kind 10', '{\"n\": 10}', now() - interval '1 hour', pg_temp.workspaces(100)"),
    call("queue/cached_result", "md5('user0')::uuid, 'kind 10', '{\"n\": 10}', now() - interval '1 hour', NULL"),
    call("queue/claims_mark", ""),
    call("queue/days_to_note", "pg_temp.at(1), 1"),
    call("queue/dead_jobs", "NULL, NULL, 100, NULL"),
    call("queue/dead_jobs", "NULL, NULL, 100, pg_temp.at(3)"),
    // a tenth of the dead letters has the class
    long("queue/dead_jobs", "'{kind 1}', '{config}', 100, NULL", 20_000),
    // up to a hundred of each workspace
    long("queue/dead_jobs_of", "NULL, NULL, 100, NULL, pg_temp.workspaces(10)", 10_000),
    long("queue/dead_jobs_of", "'{kind 1}', '{config}', 100, pg_temp.at(3), pg_temp.workspaces(10)", 10_000),
    call("queue/find_keys", "pg_temp.workspaces(100), pg_temp.many('kind 1'::text), pg_temp.keys(100)"),
    call("queue/forget_claims_mark", ""),
    call("queue/forget_days", ""),
    call("queue/forget_reopened", ""),
    call("queue/free_keys", "pg_temp.waiting(100)"),
    call("queue/get_jobs", "pg_temp.waiting(100), pg_temp.at(10), pg_temp.at(-1)"),
    call("queue/in_scope", "pg_temp.waiting(100), pg_temp.workspaces(100), '{deliver_alert,process_webhook}', pg_temp.workspaces(10)"),
    call("queue/insert_completed", "pg_temp.waiting(100), pg_temp.workspaces(100), pg_temp.many(now()), pg_temp.many(1), pg_temp.many(0), pg_temp.many(1::bigint), pg_temp.many(NULL::jsonb), now()"),
    call("queue/insert_completed_one", "(pg_temp.waiting(1))[1], (pg_temp.workspaces(1))[1], now(), 1, 0, 1, NULL, now()"),
    call("queue/insert_job", "crier.new_id(), 'kind 1', '{}', (pg_temp.workspaces(1))[1], crier.new_id(), (pg_temp.accounts(1))[1], 'bluesky', 0, now(), 3, NULL, NULL, now(), NULL"),
    call("queue/insert_jobs", "pg_temp.new(100), pg_temp.many('kind 1'::text), pg_temp.many('{}'::text), pg_temp.workspaces(100), pg_temp.workspaces(100), pg_temp.accounts(100), pg_temp.many('bluesky'::text), pg_temp.many(0), pg_temp.many(now()), pg_temp.many(3), pg_temp.many(NULL::timestamptz), pg_temp.many(NULL::text), now(), pg_temp.many(NULL::text)"),
    call("queue/insert_outcomes", "pg_temp.waiting(100), pg_temp.workspaces(100), pg_temp.many('failed'::text), pg_temp.many(now()), pg_temp.many(1), pg_temp.many(0), pg_temp.many(1::bigint), pg_temp.many('{}'::jsonb), now()"),
    call("queue/insert_retries", "pg_temp.waiting(100), pg_temp.workspaces(100), pg_temp.many(now()), pg_temp.many(1), pg_temp.many(0), pg_temp.many('{}'::jsonb), pg_temp.many(NULL::uuid), pg_temp.many(now())"),
    call("queue/last_errors", "pg_temp.waiting(100)"),
    // everything that was claimed since yesterday, looked up job by job
    long("queue/load_claims", "pg_temp.claimed('26 hours')", 1_000_000).reading(&["job_claim"]),
    // as many rows as asked for
    long("queue/load_from", "pg_temp.at(0), 10000, pg_temp.at(-1)", 10_000),
    long("queue/load_from", "pg_temp.at(4), 100, pg_temp.at(3)", 5_000).reading(&["job", "job_outcome"]),
    long("queue/load_ids", "pg_temp.waiting(100)", 5_000),
    call("queue/load_retries", "pg_temp.at(0), pg_temp.at(-1)"),
    call("queue/load_scheduled", "now(), now() + interval '1 hour', 20000"),
    call("queue/next_scheduled", "now(), NULL"),
    call("queue/next_scheduled", "now(), '{kind 2}'"),
    // gives up after a thousand jobs
    long("queue/next_scheduled", "now(), '{none}'", 8_000),
    call("queue/mark_claims", "1"),
    call("queue/note_day", "pg_temp.at(3), pg_temp.at(2), pg_temp.waiting(100), now()"),
    call("queue/note_reopened", "pg_temp.dead(100), now()"),
    call("queue/note_times", "pg_temp.many(now()), pg_temp.new(100)"),
    call("queue/noted_days", "pg_temp.at(10)"),
    call("queue/pause", "'kind', 'kind 1', NULL, now(), 1000"),
    call("queue/pauses", ""),
    call("queue/platforms", "pg_temp.accounts(100)"),
    // looks for each job in every partition that has one of them
    long("queue/purge_jobs", "pg_temp.dead(100)", 5_000),
    call("queue/record_claim", "1, 1, 'worker', now(), pg_temp.waiting(100), pg_temp.many(1)"),
    call("queue/resume", "'kind', 'kind 1'"),
    call("queue/revivable", "pg_temp.dead(100), now()"),
    // as above
    long("queue/revive", "pg_temp.dead(100), now()", 5_000),
    call("queue/scheduled_among", "pg_temp.waiting(100), pg_temp.many(now())"),
    call("queue/set_progress", "pg_temp.waiting(100), pg_temp.workspaces(100), pg_temp.many('{}'::jsonb), now()"),
    call("queue/setting", "'stuck_after'"),
    call("queue/tenant_limit", "'kinds'"),
    call("queue/new_kinds", "pg_temp.many('kind 1'::text), pg_temp.many(''::text)"),
    call("queue/count_kinds", "(pg_temp.workspaces(1))[1]"),
    call("queue/add_kinds", "pg_temp.many('kind 1'::text), pg_temp.many(''::text), (pg_temp.workspaces(1))[1], now()"),
    call("queue/state_of", "(pg_temp.finished(1))[1]"),
    call("queue/take_key_over", "(pg_temp.workspaces(1))[1], 'kind 1', 'new key', crier.new_id(), now(), now() - interval '1 minute'"),
    call("queue/take_keys", "pg_temp.workspaces(100), pg_temp.many('kind 1'::text), pg_temp.keys(100), pg_temp.new(100), now()"),
    call("queue/tokens_of", "pg_temp.claimed('26 hours'), 'worker 1'").reading(&["job_claim"]),
    // a whole day, once
    long("queue/unfinished_of_day", "pg_temp.at(4), pg_temp.at(3), 10001", 5_000).reading(&["job", "job_outcome"]),
    call("queue/user_limit_count", "(pg_temp.workspaces(1))[1], 'kind 1'"),
    call("queue/worker_of", "pg_temp.claim_of_finished(), (pg_temp.finished(1))[1], NULL"),
    call("queue/worker_of", "pg_temp.claim_of_finished(), (pg_temp.finished(1))[1], pg_temp.workspaces(100)"),
    call("queue/workers_of", "pg_temp.finished(100), pg_temp.many(pg_temp.claim_of_finished())"),
    // the newest 5,000 posts and as many jobs, each looked up
    call("schedules/active", "md5('workspace20')::uuid, NULL, 1000"),
    call("schedules/active", "md5('workspace20')::uuid, md5('account1020')::uuid, 1000"),
    call("schedules/add_event", "md5('workspace20')::uuid, crier.new_id(), 'schedule_missed', '{}', now()"),
    call("schedules/advance", "pg_temp.workspaces(100), pg_temp.new(100), pg_temp.many(now()), pg_temp.many(NULL::timestamp), pg_temp.many(now()), pg_temp.many(false), pg_temp.many(NULL::timestamptz)"),
    call("schedules/ahead", "md5('workspace20')::uuid, md5('schedule20')::uuid, now()"),
    call("schedules/count_items", "md5('workspace20')::uuid, md5('schedule20')::uuid, 10000"),
    call("schedules/delete_item", "md5('workspace20')::uuid, md5('schedule20')::uuid, md5('item20')::uuid"),
    call("schedules/forget_occurrence", "md5('workspace20')::uuid, md5('schedule20')::uuid, now()"),
    call("schedules/get", "md5('schedule20')::uuid, NULL"),
    call("schedules/get", "md5('schedule20')::uuid, pg_temp.workspaces(100)"),
    call("schedules/insert", "md5('workspace20')::uuid, crier.new_id(), NULL, NULL, 'recurring', '{}', 'FREQ=DAILY', now()::timestamp, 'UTC', NULL, '{}', '{}', 'skip', 0, NULL, NULL, now(), now()"),
    call("schedules/insert_items", "md5('workspace20')::uuid, md5('schedule20')::uuid, '{}', '{}', '{}', now()"),
    call("schedules/insert_occurrence", "md5('workspace20')::uuid, md5('schedule20')::uuid, now(), 'made', crier.new_id(), NULL, NULL, NULL, NULL, now()"),
    call("schedules/items", "pg_temp.posts(100), md5('workspace20')::uuid"),
    call("schedules/list_items", "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51, md5('workspace20')::uuid, md5('schedule20')::uuid"),
    call("schedules/lock", "md5('workspace20')::uuid, md5('schedule20')::uuid"),
    call("schedules/next_due", "now(), now()"),
    call("schedules/pick_item", "md5('workspace20')::uuid, md5('schedule20')::uuid, now(), now(), pg_temp.accounts(10)"),
    call("schedules/read", "md5('schedule20')::uuid, NULL"),
    call("schedules/read", "md5('schedule20')::uuid, pg_temp.workspaces(100)"),
    call("schedules/set_state", "md5('workspace20')::uuid, md5('schedule20')::uuid, 'paused', now(), NULL, now()"),
    call("schedules/take", "now(), 100, false"),
    call("schedules/update", "md5('workspace21')::uuid, md5('schedule21')::uuid, NULL, '{}', 'FREQ=DAILY', now()::timestamp, 'UTC', NULL, '{}', '{}', 'skip', 0, NULL, NULL, now(), now(), now()"),
    call("schedules/use_accounts", "md5('workspace20')::uuid, md5('schedule20')::uuid, '{}', now()"),
    call("schedules/use_item", "md5('workspace20')::uuid, md5('item20')::uuid, now()"),
    call("schedules/wake", "md5('workspace20')::uuid, md5('schedule20')::uuid"),
    call("schedules/workspace_of", "md5('schedule20')::uuid, NULL"),
    call("schedules/workspace_of", "md5('schedule20')::uuid, pg_temp.workspaces(100)"),
    long("statistics/workspace", "(pg_temp.workspaces(1))[1], 5000", 60_000),
    call("api_keys/count", "(pg_temp.workspaces(1))[1], now()"),
    call("api_keys/create", "(pg_temp.workspaces(1))[1], crier.new_id(), 'x', 'viewer', NULL, now(), NULL")
        .of_types("uuid, uuid, text, text, uuid, timestamptz, timestamptz"),
    call("api_keys/forget", "(pg_temp.workspaces(1))[1], now()"),
    call("api_keys/is_one", "crier.new_id()"),
    call("api_keys/list", "(pg_temp.workspaces(1))[1]"),
    call("api_keys/revoke", "(pg_temp.workspaces(1))[1], crier.new_id(), now()"),
    call("api_keys/workspace_of", "crier.new_id(), NULL"),
    call("api_keys/workspace_of", "crier.new_id(), pg_temp.workspaces(100)"),
    call("idempotency/begin", "md5('user1')::uuid, 'k', sha256('x'), now()"),
    call("idempotency/count", "md5('user1')::uuid, 10001"),
    call("idempotency/find", "md5('user1')::uuid, 'k', sha256('x')"),
    call("idempotency/finish", "md5('user1')::uuid, 'k', '[]', 16384"),
    call("workspaces/add_member", "(pg_temp.workspaces(1))[1], crier.new_id(), 'viewer', now()"),
    call("workspaces/close", "(pg_temp.workspaces(1))[1], now()"),
    call("workspaces/count_invitations", "(pg_temp.workspaces(1))[1], crier.new_id()"),
    call("workspaces/cut_invitations", "(pg_temp.workspaces(1))[1], crier.new_id()"),
    call("workspaces/find_invitation", "(pg_temp.workspaces(1))[1], crier.new_id(), now()"),
    call("workspaces/forget_invitations", "(pg_temp.workspaces(1))[1], now()"),
    call("workspaces/hand_over", "(pg_temp.workspaces(1))[1], crier.new_id(), NULL").of_types("uuid, uuid, uuid"),
    call("workspaces/invite", "(pg_temp.workspaces(1))[1], crier.new_id(), 'viewer', NULL, now(), now()")
        .of_types("uuid, uuid, text, uuid, timestamptz, timestamptz"),
    call("workspaces/is_member", "(pg_temp.workspaces(1))[1], md5('user1')::uuid, '{viewer}'"),
    call("workspaces/list_invitations", "(pg_temp.workspaces(1))[1], now()"),
    call("workspaces/list_members", "(pg_temp.workspaces(1))[1], NULL, 1000").of_types("uuid, uuid, int"),
    call("workspaces/lock", "(pg_temp.workspaces(1))[1]"),
    call("workspaces/look", "(pg_temp.workspaces(1))[1], md5('user1')::uuid, md5('user2')::uuid"),
    call("workspaces/count_owned", "md5('user1')::uuid, 100"),
    call("workspaces/mine", "md5('user1')::uuid, 1000"),
    call("workspaces/my_invitations", "crier.new_id(), now(), 1000"),
    // a thousand jobs, each looked up in the outcomes of every day
    long("workspaces/newest_jobs", "(pg_temp.workspaces(1))[1], 1000", 50_000),
    call("workspaces/remove_member", "(pg_temp.workspaces(1))[1], crier.new_id()"),
    call("workspaces/rename", "(pg_temp.workspaces(1))[1], 'x'"),
    call("workspaces/set_role", "(pg_temp.workspaces(1))[1], crier.new_id(), 'viewer'"),
    call("workspaces/take_invitation", "(pg_temp.workspaces(1))[1], crier.new_id(), now()"),
    call("workspaces/withdraw_invitation", "(pg_temp.workspaces(1))[1], crier.new_id()"),
    call("webhooks/count_replays", "pg_temp.targets(100)"),
    call("webhooks/event_of", "(pg_temp.waiting(1))[1]"),
    call("webhooks/find_accounts", "pg_temp.many('bluesky'::text), pg_temp.many('did:5'::text)"),
    call("webhooks/in_range_all", "now() - interval '10 days', NULL, NULL, 1000"),
    // a thousand of each of a hundred workspaces, and a look at each
    long("webhooks/in_range_of_workspaces", "now() - interval '10 days', now(), NULL, 1000, pg_temp.workspaces(100)", 20_000),
    call("webhooks/insert_events", "pg_temp.new(100), pg_temp.many((pg_temp.workspaces(1))[1]), pg_temp.many(1), pg_temp.many((pg_temp.accounts(1))[1]), 'x', '{x}', '{1}', '{\"{}\"}', '{}', now()"),
    call("webhooks/lock_event", "(pg_temp.targets(1))[1], (pg_temp.workspaces(1))[1]"),
    call("webhooks/note_delivery", "'x', 'a new key', now()"),
    call("webhooks/polling_jobs", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1], '{1}'"),
    call("webhooks/revoke", "(pg_temp.workspaces(1))[1], (pg_temp.accounts(1))[1], now(), now(), 'taken back'"),
    call("webhooks/set_processed", "(pg_temp.targets(1))[1], '{x}', now()"),
    call("webhooks/start", "(pg_temp.waiting(1))[1], (pg_temp.targets(1))[1]"),
    call("webhooks/workspace_of", "(pg_temp.targets(1))[1], NULL"),
    call("webhooks/workspace_of", "(pg_temp.targets(1))[1], pg_temp.workspaces(100)"),
];

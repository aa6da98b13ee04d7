-- A history as years of work leave it: straight into the tables, because a million jobs through the functions would take
-- minutes. `days` days before today with `per_day` jobs each, all but `open` of a day finished; `live` jobs of today that
-- wait, half of them for later, beside a tenth of a day's finished ones; posts and targets for a twentieth of all.
CREATE FUNCTION pg_temp.id_at(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n & 4095), 3, '0') || '8'
            || lpad(to_hex(n >> 12), 15, '0'))::uuid
$$;

-- A uuid without a time in it: the same for the same name and number.
CREATE FUNCTION pg_temp.named(name text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT md5(name || n)::uuid
$$;

CREATE FUNCTION pg_temp.make_past_partitions(days integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day date;
    parent text;
    part text;
    lower text;
    upper text;
BEGIN
    FOR day IN SELECT (now() AT TIME ZONE 'UTC')::date - n FROM generate_series(1, days) AS n LOOP
        FOREACH parent IN ARRAY ARRAY['job', 'job_outcome', 'job_retry', 'job_progress', 'job_claim', 'limit_use', 'job_log'] LOOP
            part := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
            -- the database may have been made before midnight
            CONTINUE WHEN to_regclass('crier.' || part) IS NOT NULL;
            IF parent IN ('job_claim', 'limit_use') THEN
                lower := ((day - date '2000-01-01')::bigint * 86400000000)::text;
                upper := ((day + 1 - date '2000-01-01')::bigint * 86400000000)::text;
            ELSE
                lower := (lpad(to_hex((day - date '1970-01-01')::bigint * 86400000), 12, '0') || repeat('0', 20))::uuid;
                upper := (lpad(to_hex((day + 1 - date '1970-01-01')::bigint * 86400000), 12, '0') || repeat('0', 20))::uuid;
            END IF;
            EXECUTE format('CREATE TABLE crier.%I (LIKE crier.%I INCLUDING ALL)', part, parent);
            EXECUTE format('ALTER TABLE crier.%I OWNER TO crier_owner', part);
            EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE crier.%I ATTACH PARTITION crier.%I FOR VALUES FROM (%L) TO (%L)', parent, part, lower, upper);
        END LOOP;
    END LOOP;
END
$$;

CREATE FUNCTION pg_temp.fill(days integer, per_day integer, open integer, live integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    midnight timestamptz := date_trunc('day', now(), 'UTC');
BEGIN
    CREATE TEMPORARY TABLE filling ON COMMIT DROP AS
    SELECT n, at, pg_temp.id_at(at, n) AS id, CASE WHEN d = 0 THEN i <= live ELSE i <= open END AS unfinished, d, i
    FROM (SELECT row_number() OVER () AS n, d, i,
                 midnight - d * interval '1 day'
                 + CASE WHEN d = 0 THEN now() - midnight ELSE interval '1 day' END * i / (of_day + 1) AS at
          FROM generate_series(days, 0, -1) AS d,
               LATERAL (SELECT CASE WHEN d = 0 THEN live + per_day / 10 ELSE per_day END AS of_day) AS l,
               LATERAL generate_series(1, of_day) AS i) AS s;
    INSERT INTO crier.job (id, workspace_id, user_id, account_id, kind, platform, params, priority, run_at, max_attempts, created_at)
    SELECT id, pg_temp.named('workspace', n % 1000), CASE WHEN n % 10 = 0 THEN pg_temp.named('user', (n / 10) % 500 * (n / 10 % 2)) END,
           CASE WHEN n % 5 = 0 THEN pg_temp.named('account', n % 50000) END, 'kind ' || n % 20, CASE WHEN n % 5 = 0 THEN 'bluesky' END,
           jsonb_build_object('n', n % 1000), 0, CASE WHEN unfinished AND i % 2 = 0 THEN now() + i * interval '1 minute' ELSE at END, 3, at
    FROM filling;
    INSERT INTO crier.job_outcome (id, workspace_id, state, run_at, attempt, lost_leases, token, result, error, finished_at)
    SELECT id, pg_temp.named('workspace', n % 1000), CASE WHEN n % 100 = 1 THEN 'failed' ELSE 'completed' END, at, 1, 0,
           ((extract(epoch FROM at) - 946684800) * 1000000)::bigint, CASE WHEN n % 100 <> 1 THEN '{"ok": true}'::jsonb END,
           CASE WHEN n % 100 = 1 THEN jsonb_build_object('class', CASE WHEN n % 1000 = 1 THEN 'config' ELSE 'transient' END) END, at + interval '1 second'
    FROM filling WHERE NOT unfinished;
    INSERT INTO crier.job_retry (id, retried_at, workspace_id, run_at, attempt, lost_leases, error, parked_for)
    SELECT id, at, pg_temp.named('workspace', n % 1000), at, 1, 0, '{"class": "transient"}',
           CASE WHEN n % 100 = 0 THEN pg_temp.named('account', n % 50000) END
    FROM filling WHERE n % 20 = 0 AND NOT unfinished;
    INSERT INTO crier.job_progress (id, workspace_id, progress, reported_at)
    SELECT id, pg_temp.named('workspace', n % 1000), '{"done": 1}', at FROM filling WHERE n % 20 = 0;
    INSERT INTO crier.job_claim (recorded_at, token, worker, lease_expires_at, job_ids, attempts)
    SELECT token, token, 'worker ' || g % 4, max(at) + interval '1 minute', array_agg(id), array_agg(1)
    FROM (SELECT *, n / 50 AS g, ((extract(epoch FROM min(at) OVER (PARTITION BY d, n / 50)) - 946684800) * 1000000)::bigint AS token
          FROM filling WHERE NOT unfinished) AS claimed
    GROUP BY token, g;
    INSERT INTO crier.limit_use (recorded_at, account_ids, actions, counts)
    SELECT ((extract(epoch FROM at) - 946684800) * 1000000)::bigint, ARRAY[pg_temp.named('account', n % 50000)], '{publish}', '{1}'
    FROM filling WHERE n % 20 = 0 AND NOT unfinished;
    INSERT INTO crier.job_scheduled (run_at, id)
    SELECT now() + i * interval '1 minute', id FROM filling WHERE unfinished AND i % 2 = 0
    ON CONFLICT DO NOTHING;
    INSERT INTO crier.job_key (workspace_id, kind, dedupe_key, job_id, created_at)
    SELECT pg_temp.named('workspace', n % 1000), 'kind ' || n % 20, 'key ' || n, id, at FROM filling WHERE unfinished OR n % 50 = 0;
    -- rows of one table need those of another: checked one by one this would take longer than all the rest
    SET LOCAL session_replication_role = replica;
    INSERT INTO crier.workspace (id, name) SELECT pg_temp.named('workspace', w), 'w' FROM generate_series(0, 999) AS w;
    INSERT INTO crier.workspace_member (workspace_id, user_id, role)
    SELECT pg_temp.named('workspace', w), pg_temp.named('user', w % 500), 'owner' FROM generate_series(0, 999) AS w;
    INSERT INTO crier.social_account (workspace_id, id, platform, external_id, handle, base_url, status)
    SELECT pg_temp.named('workspace', a % 1000), pg_temp.named('account', a), 'bluesky', 'did:' || a, 'h', 'http://localhost', 'active'
    FROM generate_series(0, (SELECT least(49999, max(n)) FROM filling)) AS a;
    INSERT INTO crier.limit_block (workspace_id, platform, host, account_id, action, until, set_by)
    SELECT workspace_id, 'bluesky', '', id, 'publish', now() + interval '1 hour', 'platform' FROM crier.social_account LIMIT 10000;
    INSERT INTO crier.account_limit (workspace_id, account_id, action, per, max)
    SELECT workspace_id, id, 'publish', '1 hour', 5 FROM crier.social_account LIMIT 10000;
    INSERT INTO crier.credential (workspace_id, account_id, generation, sealed, platform, refresh_at)
    SELECT workspace_id, id, 1, decode('0101' || repeat('00', 40), 'hex'), platform,
           now() + (row_number() OVER () - 200) * interval '1 second'
    FROM crier.social_account;
    INSERT INTO crier.post (workspace_id, id, content, media, settings, scheduled_at)
    SELECT pg_temp.named('workspace', n % 1000), pg_temp.named('post', n), 'text', '[]', '{}', at FROM filling WHERE n % 20 = 0;
    INSERT INTO crier.post_tag (workspace_id, tag, post_id)
    SELECT pg_temp.named('workspace', n % 1000), 'tag ' || n / 20 % 50, pg_temp.named('post', n) FROM filling WHERE n % 20 = 0;
    INSERT INTO crier.post_target (workspace_id, id, post_id, account_id, platform, job_id, state, published_at, external_id)
    SELECT pg_temp.named('workspace', n % 1000), id, pg_temp.named('post', n), pg_temp.named('account', n % 50000), 'bluesky', id,
           CASE WHEN unfinished THEN 'scheduled' ELSE 'published' END, at,
           CASE WHEN NOT unfinished THEN 'at://did:' || n % 50000 || '/post/' || n END
    FROM filling WHERE n % 20 = 0;
    INSERT INTO crier.slot_booking (workspace_id, account_id, at, post_id)
    SELECT workspace_id, account_id, published_at, post_id FROM crier.post_target;
    INSERT INTO crier.event (workspace_id, id, kind, target_id, created_at)
    SELECT workspace_id, id, 'post_published', id, created_at FROM crier.post_target;
    INSERT INTO crier.webhook_event (id, workspace_id, account_id, source, platform, external_id, payload, headers, received_at)
    SELECT id, workspace_id, account_id, 'tiktok', 'tiktok', 'did:1', '{}', '{}', created_at FROM crier.post_target;
    INSERT INTO crier.webhook_delivery (source, delivery_key, received_at)
    SELECT 'tiktok', id::text, created_at FROM crier.post_target;
    INSERT INTO crier.schedule (workspace_id, id, kind, state, template, rule, starts, zone, missed, next_at, cursor_at, created_at)
    SELECT pg_temp.named('workspace', s % 1000), pg_temp.named('schedule', s), 'evergreen', CASE WHEN s % 4 = 0 THEN 'paused' ELSE 'active' END, '{}',
           'FREQ=DAILY', now(), 'UTC', 'skip', CASE WHEN s % 4 > 0 THEN now() + (s - 200) * interval '1 minute' END, now(), now()
    FROM generate_series(0, 59999) AS s;
    -- one has as many as one can have
    INSERT INTO crier.schedule_item (workspace_id, schedule_id, id, template, weight, turn, created_at)
    SELECT pg_temp.named('workspace', CASE WHEN i < 10000 THEN 20 ELSE i % 1000 END),
           pg_temp.named('schedule', CASE WHEN i < 10000 THEN 20 ELSE i % 10000 END), pg_temp.named('item', i), '{"content": "text"}', 1, i, now()
    FROM generate_series(0, 29999) AS i;
    INSERT INTO crier.schedule_occurrence (workspace_id, schedule_id, occurs_at, state, post_id, created_at)
    SELECT pg_temp.named('workspace', s % 1000), pg_temp.named('schedule', s), now() - o * interval '1 day', 'made', pg_temp.named('post', 20 * s), now()
    FROM generate_series(0, 9999) AS s, generate_series(1, 5) AS o;
END
$$;

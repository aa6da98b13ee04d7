-- What commands for people ask, `crierd post` and its like: by names, across workspaces. For crier_worker and crier_monitor alone.

-- The workspace, where there is but one: then nobody has to name it.
CREATE FUNCTION only_workspace() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT CASE WHEN cardinality(w.ids) = 1 THEN w.ids[1] END
FROM (SELECT ARRAY(SELECT w.id FROM crier.workspace w WHERE w.deleted_at IS NULL LIMIT 2) AS ids) w
$fn$;

-- Accounts by what people call them: an id, a handle, or platform:handle, with or without an @. More than one row for a name that
-- more than one account has; none for a name that none has.
CREATE FUNCTION find_accounts(p_names text[], p_workspace_id uuid DEFAULT NULL)
RETURNS TABLE (name text, workspace_id uuid, account_id uuid, platform text, handle text, status text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off
AS $fn$
BEGIN
    IF cardinality(p_names) > 10000 THEN
        RAISE EXCEPTION 'p_names has % elements', cardinality(p_names)
            USING ERRCODE = 'program_limit_exceeded', DETAIL = 'too_large', HINT = 'Ask for at most 10000 at a time.';
    END IF;
    RETURN QUERY
    WITH named AS (
        SELECT DISTINCT n.name, lower(n.name) AS wanted
        FROM unnest(p_names) AS n (name)
        WHERE n.name IS NOT NULL AND octet_length(n.name) <= 1000
    ), meant AS (
        -- a handle may have a colon of its own
        SELECT n.name, NULL AS platform, ltrim(n.wanted, '@') AS handle FROM named n
        UNION ALL
        SELECT n.name, split_part(n.wanted, ':', 1), ltrim(substr(n.wanted, strpos(n.wanted, ':') + 1), '@')
        FROM named n WHERE strpos(n.wanted, ':') > 1
    ), found AS (
        SELECT n.name, a.workspace_id, a.id
        FROM named n
        JOIN crier.social_account a
          ON a.id = CASE WHEN n.wanted ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' THEN n.wanted::uuid END
        UNION
        SELECT m.name, a.workspace_id, a.id
        FROM meant m
        JOIN crier.social_account a ON ltrim(lower(a.handle), '@') = m.handle AND (m.platform IS NULL OR a.platform = m.platform)
        WHERE p_workspace_id IS NULL OR a.workspace_id = p_workspace_id
    )
    SELECT f.name, a.workspace_id, a.id, a.platform, a.handle, a.status
    FROM found f
    JOIN crier.social_account a ON a.workspace_id = f.workspace_id AND a.id = f.id
    JOIN crier.workspace w ON w.id = a.workspace_id AND w.deleted_at IS NULL
    WHERE a.deleted_at IS NULL AND (p_workspace_id IS NULL OR a.workspace_id = p_workspace_id)
    ORDER BY f.name, a.workspace_id, a.id;
END
$fn$;

-- Which of these names an import has made posts of already, or are ids of posts; of one workspace.
CREATE FUNCTION imported_posts(p_workspace_id uuid, p_source_ids text[]) RETURNS TABLE (source_id text, post_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT i.source_id, i.post_id
FROM crier.post_import i
WHERE i.workspace_id = p_workspace_id AND i.source_id = ANY (p_source_ids)
UNION
SELECT s.source_id, p.id
FROM unnest(p_source_ids) AS s (source_id)
JOIN crier.post p ON p.workspace_id = p_workspace_id
                 AND p.id = CASE WHEN lower(s.source_id) ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
                                 THEN s.source_id::uuid END
$fn$;

-- Notes what a post was made of. False: another import has made one of it meanwhile, and this one is not noted.
CREATE FUNCTION note_import(p_workspace_id uuid, p_source_id text, p_post_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    IF octet_length(p_source_id) NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'p_source_id has % bytes', octet_length(p_source_id)
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument', HINT = 'Give 1 to 1000 bytes.';
    END IF;
    INSERT INTO crier.post_import (workspace_id, source_id, post_id) VALUES (p_workspace_id, p_source_id, p_post_id)
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$fn$;

-- Publishing at a glance. due: what should be sent now and is not under way. What only the queue's memory knows is null on a
-- standby; the last minute is that of crier.get_job_queue_stats.
CREATE FUNCTION publishing_status()
RETURNS TABLE (waiting bigint, running bigint, retrying bigint, due bigint, due_since timestamptz, next_due_at timestamptz,
               planned bigint, published_last_minute bigint, failed_last_minute bigint, published_last_hour bigint,
               failed_last_hour bigint, accounts_to_login bigint, logins text[], paused boolean, reason text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
AS $fn$
DECLARE
    at timestamptz := statement_timestamp();
    -- nobody needs to know more exactly how many there are
    most CONSTANT bigint := 100000;
    kinds CONSTANT text[] := ARRAY['publish_post', 'publish_comment'];
    behind bigint;
    behind_since timestamptz;
BEGIN
    PERFORM crier.require_table('stat_state');
    SELECT sum(u.pending)::bigint, sum(u.running)::bigint, sum(u.retrying)::bigint, sum(u.due)::bigint, min(u.oldest_due_at)
    INTO waiting, running, retrying, due, due_since
    FROM crier.unfinished_jobs() u WHERE u.kind = ANY (kinds);
    IF EXISTS (SELECT FROM crier.queue_memory()) THEN
        waiting := coalesce(waiting, 0);
        running := coalesce(running, 0);
        retrying := coalesce(retrying, 0);
        due := coalesce(due, 0);
        next_due_at := crier.next_run_at(kinds);
        -- what is due already is said to be due now, by a clock that has gone on
        next_due_at := CASE WHEN next_due_at > clock_timestamp() THEN next_due_at END;
    END IF;
    -- what is planned for later has no job yet
    SELECT count(*), count(*) FILTER (WHERE t.due_at <= at), min(t.due_at) FILTER (WHERE t.due_at <= at)
    INTO planned, behind, behind_since
    FROM (SELECT t.due_at FROM crier.post_target t WHERE t.job_id IS NULL AND t.state = 'scheduled' ORDER BY t.due_at LIMIT most) t;
    due := due + behind;
    due_since := least(due_since, behind_since);
    next_due_at := least(next_due_at, (SELECT t.due_at FROM crier.post_target t
                                       WHERE t.job_id IS NULL AND t.state = 'scheduled' AND t.due_at > at
                                       ORDER BY t.due_at LIMIT 1));
    SELECT coalesce(sum(j.completed), 0)::bigint, coalesce(sum(j.failed), 0)::bigint INTO published_last_minute, failed_last_minute
    FROM crier.jobs_since(crier.stat_since('1 minute')) j WHERE j.kind = ANY (kinds);
    SELECT coalesce(sum(j.completed), 0)::bigint, coalesce(sum(j.failed), 0)::bigint INTO published_last_hour, failed_last_hour
    FROM crier.jobs_since(crier.stat_since('1 hour')) j WHERE j.kind = ANY (kinds);
    SELECT count(*), (array_agg(a.platform || ':' || a.handle ORDER BY a.updated_at DESC))[1:10] INTO accounts_to_login, logins
    FROM crier.social_account a
    JOIN crier.workspace w ON w.id = a.workspace_id AND w.deleted_at IS NULL
    WHERE a.status = 'reauth_required';
    SELECT s.paused OR EXISTS (SELECT FROM crier.pause p WHERE p.scope = 'all'),
           coalesce(s.reason, (SELECT p.reason FROM crier.pause p WHERE p.scope = 'all'))
    INTO paused, reason FROM crier.status() s;
    RETURN NEXT;
END
$fn$;

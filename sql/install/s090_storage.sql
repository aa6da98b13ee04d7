-- How the tables are stored and looked after, beside what is stated where they are made. CREATE TABLE … LIKE does not
-- copy any of it, so every new partition gets it here too, and crier.migrate() applies it to what is there.
CREATE FUNCTION apply_storage(p_table name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $fn$
DECLARE
    kind text := regexp_replace(p_table, '_(default|[0-9]{8}|[0-9]{6})$', '');
    wanted text[];
    toast text[];
    col record;
BEGIN
    wanted := CASE
        -- Append-only, of one age: no dead rows to wait for. Statistics after a fiftieth is new, because a day starts
        -- empty and a plan for an empty table is a bad one for a million rows; a vacuum after a tenth is new, so that
        -- pages are known as all visible, the indexes can answer alone, and freezing is no storm later.
        WHEN p_table ~ '^(job(_outcome|_retry|_claim)?|limit_use|job_log)_[0-9]{8}$' OR p_table ~ '^(activity_log|analytics_event|api_metric)_[0-9]{6}$'
            THEN ARRAY['autovacuum_analyze_scale_factor=0.02', 'autovacuum_vacuum_insert_scale_factor=0.1']
        -- What stays of dropped days, and jobs whose day is missing: rows leave it one by one.
        WHEN p_table ~ '^(job(_outcome|_retry|_claim)?|limit_use|job_log)_default$'
            THEN ARRAY['autovacuum_analyze_scale_factor=0.05', 'autovacuum_vacuum_scale_factor=0.05']
        -- Overwritten by every report: room for the new version on the same page, and no index to touch.
        WHEN kind = 'job_progress'
            THEN ARRAY['fillfactor=70', 'autovacuum_vacuum_scale_factor=0.05', 'autovacuum_vacuum_threshold=500']
        -- Sums: the newest are added to again and again.
        WHEN p_table ~ '^analytics_(hour|day)_([0-9]{6}|default)$'
            THEN ARRAY['fillfactor=80', 'autovacuum_vacuum_scale_factor=0.05']
        -- Every row is deleted once it is summed up.
        WHEN p_table = 'analytics_delta'
            THEN ARRAY['autovacuum_vacuum_scale_factor=0.02', 'autovacuum_vacuum_threshold=1000']
        -- Every row is deleted once its time is over: the index must not keep the empty pages of last week.
        WHEN p_table = 'job_scheduled'
            THEN ARRAY['autovacuum_vacuum_scale_factor=0.05', 'autovacuum_analyze_scale_factor=0.05']
        -- Updated at every step of a post. What was prepared and the exact request are large and written once: moved out
        -- of the row early, they are not copied by each later step.
        WHEN p_table = 'post_target'
            THEN ARRAY['fillfactor=80', 'autovacuum_vacuum_scale_factor=0.05', 'toast_tuple_target=512']
        -- A new sealed value every few hours, for every account.
        WHEN p_table = 'credential'
            THEN ARRAY['fillfactor=80', 'autovacuum_vacuum_scale_factor=0.05']
        ELSE ARRAY[]::text[]
    END;
    SELECT array_agg(w) INTO wanted FROM unnest(wanted) AS w
    WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass(format('crier.%I', p_table))
                      -- what an operator has set is left alone
                      AND EXISTS (SELECT FROM unnest(c.reloptions) o WHERE split_part(o, '=', 1) = split_part(w, '=', 1)));
    IF wanted IS NOT NULL THEN
        EXECUTE format('ALTER TABLE crier.%I SET (%s)', p_table, array_to_string(wanted, ', '));
    END IF;
    FOR col IN
        -- Some tenants have a thousand times the jobs of others; a sample of 30,000 rows does not show it.
        SELECT v.col, v.target
        FROM (VALUES ('job', 'workspace_id', 500), ('job', 'user_id', 500), ('job', 'kind', 500),
                     ('job_outcome', 'workspace_id', 500), ('job_log', 'workspace_id', 500),
                     -- Wide values that no plan depends on: not read by ANALYZE at all.
                     ('job_claim', 'job_ids', 0), ('job_claim', 'attempts', 0),
                     ('post_target', 'request', 0), ('post_target', 'prepared', 0)) AS v (tab, col, target)
        JOIN pg_attribute a ON a.attrelid = to_regclass(format('crier.%I', p_table)) AND a.attname = v.col
        -- not chosen by anybody is -1 up to version 16 and null after
        WHERE v.tab = kind AND coalesce(a.attstattarget, -1) = -1
    LOOP
        EXECUTE format('ALTER TABLE crier.%I ALTER COLUMN %I SET STATISTICS %s', p_table, col.col, col.target);
    END LOOP;
END
$fn$;

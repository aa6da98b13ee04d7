-- Indexes that only a search of finished days needs: on the open day every insert would pay for them (`make bench` shows how
-- much), so it has none. Plain SQL because it consists of DDL only.
-- Making an index keeps writers of its table away, and CONCURRENTLY is not for functions. So it is made where nobody
-- writes any more: jobs and log lines of a day stop with the day; its outcomes stop when the last of its jobs has ended.
CREATE FUNCTION index_history(max integer DEFAULT 1) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET timezone = 'UTC' SET lock_timeout = '1s'
AS $fn$
DECLARE
    partition record;
    made integer := 0;
    open boolean;
BEGIN
    PERFORM crier.require_between('max', max, 1, 100);
    PERFORM crier.require_table('job_log');
    IF NOT crier.begin_task('index_history', 1) THEN
        -- somebody else is at it
        RETURN;
    END IF;
    FOR partition IN
        SELECT c.relname AS name, to_date(substring(c.relname FROM '_([0-9]{8})$'), 'YYYYMMDD') AS day, i.parent, i.ending, i.method
        FROM (VALUES ('job',         'params',   'gin (params jsonb_path_ops)'),
                     ('job_log',     'words',    'gin (to_tsvector(''simple'', message))'),
                     ('job_log',     'metadata', 'gin (metadata jsonb_path_ops)'),
                     ('job_outcome', 'result',   'gin (result jsonb_path_ops) WHERE result IS NOT NULL'))
             AS i (parent, ending, method)
        JOIN pg_inherits h ON h.inhparent = to_regclass('crier.' || i.parent)
        JOIN pg_class c ON c.oid = h.inhrelid AND c.relname ~ ('^' || i.parent || '_[0-9]{8}$')
        WHERE to_regclass(format('crier.%I', c.relname || '_' || i.ending)) IS NULL
          -- calls that began before midnight have come to their end
          AND to_date(substring(c.relname FROM '_([0-9]{8})$'), 'YYYYMMDD') + interval '1 day 5 minutes' < now()
        ORDER BY day DESC, i.parent, i.ending
    LOOP
        EXIT WHEN made >= max;
        IF partition.parent = 'job_outcome' THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM crier.%I j WHERE NOT EXISTS (SELECT FROM crier.%I o WHERE o.id = j.id))',
                           'job_' || to_char(partition.day, 'YYYYMMDD'), partition.name) INTO open;
            CONTINUE WHEN open;
        END IF;
        BEGIN
            EXECUTE format('CREATE INDEX %I ON crier.%I USING %s', partition.name || '_' || partition.ending, partition.name,
                           partition.method);
            made := made + 1;
            RETURN NEXT partition.name || '_' || partition.ending;
        EXCEPTION WHEN lock_not_available THEN
            -- somebody writes there after all: the next call tries again
            CONTINUE;
        END;
    END LOOP;
END
$fn$;

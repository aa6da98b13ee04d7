-- The statement behind crier.get_paginated_data, for any table. It has to be put together, because a table and its
-- columns can't be parameters, and here is the one place that does it. What goes into its text:
-- * the table, as a regclass: a name that the server itself looked up and quotes;
-- * columns, by %I, and only such as the catalogue has for that table;
-- * values, by %L with the cast to the column's type, and only where the type is one of the server's own or an enum,
--   so that no input function or operator of somebody else is called; the fixed search_path finds no other operators.
-- SECURITY INVOKER, as everything that reads other people's tables must be: it reads what the caller could read with a
-- SELECT of their own, under the caller's privileges and row security. It must never be called by a SECURITY DEFINER
-- function.
CREATE FUNCTION table_page(p_table regclass, p_columns text[], p_filter jsonb, p_order_by text, p_key text,
                           p_descending boolean, p_after text[], p_limit integer)
RETURNS TABLE (items jsonb, last_values text[], has_more boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1 SET intervalstyle = 'postgres'
AS $fn$
DECLARE
    -- the columns of the table, those that rows can be compared by with their type
    types jsonb;
    key text := p_key;
    ordered text;
    direction text := CASE WHEN p_descending THEN 'DESC' ELSE 'ASC' END;
    beyond text := CASE WHEN p_descending THEN '<' ELSE '>' END;
    filters text := '';
    chosen text;
    segments text[];
    statement text;
    name text;
    value jsonb;
BEGIN
    -- Tables that are not under row security are nobody's here: where the functions are called from outside (PostgREST),
    -- this would open every table that the role happens to be able to read.
    PERFORM FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = p_table AND n.nspname !~ '^(pg_|information_schema$)'
      AND (c.relkind IN ('r', 'p') AND c.relrowsecurity
           OR c.relkind = 'v' AND EXISTS (SELECT FROM pg_options_to_table(c.reloptions) o
                                          WHERE o.option_name = 'security_invoker' AND o.option_value::boolean));
    -- What a session may not read is not told from what is not there, nor by its name: an id alone would tell that.
    IF NOT FOUND OR NOT coalesce(has_any_column_privilege(p_table, 'SELECT'), false) THEN
        RAISE EXCEPTION 'p_table is not a table under row security that this session may read'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                  HINT = 'Name a table with ENABLE ROW LEVEL SECURITY, or a view WITH (security_invoker = true).';
    END IF;
    SELECT jsonb_object_agg(a.attname, CASE
               WHEN t.typtype = 'e' OR t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b'
                    AND (t.typcategory IN ('N', 'S', 'D', 'B') OR t.oid = 'uuid'::regtype)
                    AND (t.oid = 'varchar'::regtype OR EXISTS (
                         SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                         WHERE m.amname = 'btree' AND o.opcdefault AND o.opcintype = t.oid))
               THEN format_type(t.oid, NULL) END)
    INTO types
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped;
    IF key IS NULL THEN
        SELECT CASE WHEN types ? 'id' THEN 'id' ELSE min(a.attname) END INTO key
        FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = p_table AND i.indisprimary AND i.indnkeyatts = 1;
        IF key IS NULL THEN
            RAISE EXCEPTION 'p_key is null, and % has neither a column id nor a primary key of one column', p_table
                USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                      HINT = 'Name a column that has another value in each row.';
        END IF;
    END IF;
    ordered := coalesce(p_order_by, key);
    FOREACH name IN ARRAY ARRAY[ordered, key] || coalesce(p_columns, '{}')
                          || ARRAY(SELECT jsonb_object_keys(p_filter)) LOOP
        IF name IS NULL OR NOT types ? name THEN
            RAISE EXCEPTION '% has no column %', p_table, coalesce(quote_ident(name), 'null')
                USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                      HINT = 'Write the name as the table has it.';
        ELSIF types ->> name IS NULL AND (name IN (ordered, key) OR p_filter ? name) THEN
            RAISE EXCEPTION 'column % of % can''t be ordered by or compared', quote_ident(name), p_table
                USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                      HINT = 'Take a column with numbers, text, uuids, booleans, dates, times or an enum.';
        END IF;
    END LOOP;
    FOR name, value IN SELECT * FROM jsonb_each(p_filter) LOOP
        IF jsonb_typeof(value) IN ('object', 'array') THEN
            RAISE EXCEPTION 'the value of % in p_filter is an %', quote_ident(name), jsonb_typeof(value)
                USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                      HINT = 'Give a text, a number, true, false or null.';
        ELSIF value = 'null' THEN
            filters := filters || format(' AND t.%I IS NULL', name);
        ELSE
            filters := filters || format(' AND t.%I = %L::%s', name, value #>> '{}', types ->> name);
        END IF;
    END LOOP;
    -- Nulls are the largest, as in an index. Beyond a place there may be two parts, each of which an index can give in
    -- its order: the rest of the rows with a value, and those without.
    segments := CASE
        WHEN p_after IS NULL THEN ARRAY['true']
        WHEN key = ordered THEN ARRAY[format('t.%I %s %L::%s', key, beyond, p_after[2], types ->> key)]
        WHEN p_after[1] IS NULL AND p_descending THEN
            ARRAY[format('t.%I IS NULL AND t.%I < %L::%s', ordered, key, p_after[2], types ->> key),
                  format('t.%I IS NOT NULL', ordered)]
        WHEN p_after[1] IS NULL THEN
            ARRAY[format('t.%I IS NULL AND t.%I > %L::%s', ordered, key, p_after[2], types ->> key)]
        ELSE
            ARRAY[format('(t.%I, t.%I) %s (%L::%s, %L::%s)', ordered, key, beyond, p_after[1], types ->> ordered,
                         p_after[2], types ->> key)]
            || CASE WHEN NOT p_descending THEN ARRAY[format('t.%I IS NULL', ordered)] ELSE '{}' END
    END;
    SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attnum) INTO chosen
    FROM pg_attribute a
    WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped AND (p_columns IS NULL OR a.attname = ANY (p_columns));
    SELECT string_agg(format(
               '(SELECT %1$s AS segment, row_number() OVER (ORDER BY t.%3$I %5$s, t.%4$I %5$s) AS place, to_jsonb(r) AS item, '
               'ARRAY[to_jsonb(t.%3$I) #>> ''{}'', to_jsonb(t.%4$I) #>> ''{}''] AS at FROM %2$s t CROSS JOIN LATERAL (SELECT %6$s) r '
               'WHERE %7$s%8$s ORDER BY t.%3$I %5$s, t.%4$I %5$s LIMIT %9$s)',
               s.place, p_table, ordered, key, direction, chosen, s.condition, filters, p_limit + 1), ' UNION ALL ')
    INTO statement
    FROM unnest(segments) WITH ORDINALITY AS s (condition, place);
    RETURN QUERY EXECUTE format(
        'SELECT coalesce(jsonb_agg(p.item ORDER BY p.nth) FILTER (WHERE p.nth <= $1), ''[]''), '
        '(array_agg(p.at[1]) FILTER (WHERE p.nth = least($1, p.count))) '
        '|| (array_agg(p.at[2]) FILTER (WHERE p.nth = least($1, p.count))), '
        'coalesce(max(p.count) > $1, false) '
        'FROM (SELECT s.item, s.at, row_number() OVER (ORDER BY s.segment, s.place) AS nth, count(*) OVER () AS count '
        'FROM (%s) s) p', statement) USING p_limit;
END
$fn$;

-- Schedules that have come further: up to where, what is next (null: nothing, they have ended), whether they wait for that time, and
-- since when there is nothing to publish.
UPDATE crier.schedule s
SET cursor_at = o.cursor_at, cursor_wall = o.cursor_wall, next_at = o.next_at, is_waiting = o.is_waiting, empty_since = o.empty_since,
    state = CASE WHEN o.next_at IS NULL THEN 'ended' ELSE s.state END
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamp[], $5::timestamptz[], $6::boolean[],
            $7::timestamptz[])
     AS o (workspace_id, id, cursor_at, cursor_wall, next_at, is_waiting, empty_since)
WHERE s.workspace_id = o.workspace_id AND s.id = o.id

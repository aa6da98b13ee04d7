-- Posts of a workspace whose time lies in a span, the first ones first, and of one account where one is named. $6: how many are
-- looked at; the last of them is there whatever account it is for, so that it is known that there may be more. Compared and ordered
-- as in jobs_of_workspaces.sql.
SELECT s.id, s.scheduled_at, s.is_wanted
FROM (
    SELECT t.id, t.scheduled_at, $4::uuid IS NULL OR $4 = ANY (t.accounts) AS is_wanted, row_number() OVER () AS place
    FROM (
        SELECT *
        FROM crier.post t
        WHERE t.workspace_id >= $1 AND t.workspace_id <= $1
          AND (t.workspace_id, t.scheduled_at) >= ($1, $2) AND (t.workspace_id, t.scheduled_at) < ($1, $3)
          AND t.deleted_at IS NULL
        ORDER BY t.workspace_id, t.scheduled_at
        LIMIT $6
    ) t
) s
WHERE s.is_wanted OR s.place = $6
LIMIT $5

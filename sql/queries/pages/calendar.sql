-- Posts of a workspace whose time lies in a span, the first ones first, and of one account where one is named, as far as it has no
-- slot of its own. $6: how many are looked at; the last of them is there whatever account it is for, so that it is known that there
-- may be more. Compared and ordered as in jobs_of_workspaces.sql.
SELECT s.id, s.scheduled_at, s.place = $6
FROM (
    SELECT t.id, t.scheduled_at, row_number() OVER () AS place,
           $4::uuid IS NULL OR ($4 = ANY (t.accounts) AND (
               SELECT b.at FROM crier.slot_booking b
               WHERE b.workspace_id = t.workspace_id AND b.post_id = t.id AND b.account_id = $4) IS NULL) AS is_wanted
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

-- A schedule as it is. The columns: see take.sql.
SELECT s.workspace_id, s.id, s.author_id, s.name, s.kind, s.state, s.template, s.rule, s.starts, s.zone, s.ends, s.exceptions, s.additions,
       s.missed, s.priority, s.item_rest, s.account_rest, s.next_at, s.cursor_at, s.cursor_wall, s.empty_since
FROM crier.schedule s
WHERE s.id = $1 AND ($2::uuid[] IS NULL OR s.workspace_id = ANY ($2))

-- A schedule that is about to change, locked: whoever else changes it, or makes its posts, waits. The columns: see take.sql.
SELECT s.workspace_id, s.id, s.author_id, s.name, s.kind, s.state, s.template, s.rule, s.starts, s.zone, s.ends, s.exceptions, s.additions,
       s.missed, s.priority, s.item_rest, s.account_rest, s.next_at, s.cursor_at, s.cursor_wall, s.empty_since
FROM crier.schedule s
WHERE s.workspace_id = $1 AND s.id = $2
FOR NO KEY UPDATE

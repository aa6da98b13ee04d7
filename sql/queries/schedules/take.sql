-- Schedules whose next occurrence is due by $1, locked, the first ones first; $3: those that wait for it.
-- What others have locked they make the posts of, or change.
SELECT s.workspace_id, s.id, s.author_id, s.name, s.kind, s.state, s.template, s.rule, s.starts, s.zone, s.ends, s.exceptions, s.additions,
       s.missed, s.priority, s.item_rest, s.account_rest, s.next_at, s.cursor_at, s.cursor_wall, s.empty_since
FROM crier.schedule s
JOIN crier.workspace w ON w.id = s.workspace_id AND w.deleted_at IS NULL
WHERE s.state = 'active' AND s.is_waiting = $3 AND s.next_at <= $1
ORDER BY s.next_at
LIMIT $2
FOR NO KEY UPDATE OF s SKIP LOCKED

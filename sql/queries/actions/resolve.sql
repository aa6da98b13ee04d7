-- A person's word about a message of which nobody else could find out whether it was sent.
WITH resolved AS (
    UPDATE crier.account_action
    SET state = $3::text,
        error = CASE WHEN $3 = 'done' THEN NULL ELSE error END,
        finished_at = CASE WHEN $3 = 'done' THEN $5::timestamptz END,
        updated_at = $5::timestamptz
    WHERE workspace_id = $1 AND id = $2 AND state = 'unconfirmed'
    RETURNING *
), told AS (
    INSERT INTO crier.event (workspace_id, id, kind, account_id, payload, created_at)
    SELECT workspace_id, $6, CASE state WHEN 'done' THEN 'action_done' ELSE 'action_resolved_absent' END, account_id,
           jsonb_strip_nulls(jsonb_build_object('action_id', id, 'kind', kind, 'subject', subject, 'resolved_by', $4::uuid)), $5::timestamptz
    FROM resolved
)
SELECT id FROM resolved

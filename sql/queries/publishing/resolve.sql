-- A person's word about a target that nobody else could find out about.
WITH resolved AS (
    UPDATE crier.post_target
    SET state = $3::text,
        url = coalesce($4::text, url),
        published_at = CASE WHEN $3 = 'published' THEN $6::timestamptz END,
        -- where no look will ever tell, nobody looks before it is sent again
        was_unclear = was_unclear AND NOT ($3 = 'queued' AND coalesce(error -> 'unknowable' = 'true', false)),
        error = CASE WHEN $3 = 'published' THEN NULL ELSE error END,
        updated_at = $6::timestamptz
    WHERE workspace_id = $1 AND id = $2 AND state = 'unconfirmed'
    RETURNING *
), told AS (
    INSERT INTO crier.event (workspace_id, id, kind, account_id, post_id, target_id, payload, created_at)
    SELECT workspace_id, $7, CASE state WHEN 'published' THEN 'post_published' ELSE 'post_resolved_absent' END,
           account_id, post_id, id,
           jsonb_strip_nulls(jsonb_build_object('state', state, 'url', url, 'external_id', external_id, 'resolved_by', $5::uuid)), $6::timestamptz
    FROM resolved
)
SELECT id, workspace_id, post_id, account_id, platform, part, has_next FROM resolved

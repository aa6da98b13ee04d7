-- What somebody did with a post; $7, $8: when it was to be published, and when it is now.
INSERT INTO crier.event (workspace_id, id, kind, post_id, payload, created_at)
VALUES ($1, $2, $3, $4, $5 || jsonb_strip_nulls(jsonb_build_object('from', $7::timestamptz, 'to', $8::timestamptz)), $6)

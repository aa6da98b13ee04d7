-- Targets of which nothing is out, before others take their place.
DELETE FROM crier.post_target WHERE workspace_id = $1 AND id = ANY ($2::uuid[])

-- In an order, so that two who bring the same ones can't wait for each other.
INSERT INTO crier.open_kind (kind, platform, workspace_id, created_at)
SELECT i.kind, i.platform, $3, $4 FROM unnest($1::text[], $2::text[]) AS i (kind, platform)
ORDER BY 1, 2
ON CONFLICT (kind, platform) DO NOTHING

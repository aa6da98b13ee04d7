-- The accounts that parts of a delivery are about, by the place of the part. One account may be in several workspaces: each hears
-- of it as long as its own grant lasts, and none that is deleted.
SELECT p.place::integer, a.workspace_id, a.id
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS p (platform, external_id, place)
CROSS JOIN LATERAL (
    SELECT s.workspace_id, s.id FROM crier.social_account s
    WHERE s.platform = p.platform AND s.external_id = p.external_id AND s.status IN ('active', 'paused')
      AND EXISTS (SELECT FROM crier.workspace w WHERE w.id = s.workspace_id AND w.deleted_at IS NULL OFFSET 0)
    ORDER BY s.workspace_id OFFSET 0
) a
ORDER BY p.place

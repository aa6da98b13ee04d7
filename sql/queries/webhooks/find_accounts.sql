-- The accounts that parts of a delivery are about, by the place of the part. One account may be in several workspaces.
SELECT p.place::integer, a.workspace_id, a.id
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS p (platform, external_id, place)
CROSS JOIN LATERAL (
    SELECT s.workspace_id, s.id FROM crier.social_account s
    WHERE s.platform = p.platform AND s.external_id = p.external_id
    ORDER BY s.workspace_id OFFSET 0
) a
ORDER BY p.place

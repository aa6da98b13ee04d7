-- A workspace among these that has more kinds than $2.
SELECT w.id
FROM unnest($1::uuid[]) AS w (id)
WHERE (SELECT count(*) FROM (SELECT FROM crier.analytics_kind k WHERE k.workspace_id = w.id LIMIT $2 + 1) q) > $2
LIMIT 1

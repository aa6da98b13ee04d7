-- These rows of crier.job_logs as an array of objects, in the same order. LIMIT has each looked up by its id: joined as a
-- whole, the planner may come to read all partitions.
SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY i.place), '[]')
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT v.* FROM crier.job_logs v WHERE v.id = i.id LIMIT 1) r

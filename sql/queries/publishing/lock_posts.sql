-- One at a time says whose a post is.
SELECT pg_advisory_xact_lock(key)
FROM (SELECT DISTINCT hashtextextended('crier.post ' || (detail ->> 'external_id'), 0) AS key
      FROM unnest($1::jsonb[]) AS told (detail)
      WHERE detail ->> 'external_id' IS NOT NULL
      ORDER BY key) AS keys

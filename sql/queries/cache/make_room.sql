-- What goes where somebody has more than $3 values: those that end soonest.
DELETE FROM crier.response_cache c
WHERE c.scope = $1 AND c.owner_id = $2
  AND c.key = ANY (ARRAY(SELECT q.key FROM crier.response_cache q WHERE q.scope = $1 AND q.owner_id = $2
                         ORDER BY q.expires_at DESC, q.key OFFSET $3))

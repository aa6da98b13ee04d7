-- What was given and not begun: it is due at its time again, unless somebody has done something with it meanwhile.
UPDATE crier.credential c
SET refresh_at = u.until
FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::timestamptz[]) AS u (account_id, generation, held_until, until)
WHERE c.account_id = u.account_id AND c.generation = u.generation AND c.refresh_at = u.held_until
    AND c.refresh_leased_until IS NULL
RETURNING c.account_id

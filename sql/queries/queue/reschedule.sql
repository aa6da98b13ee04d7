-- Gives jobs (locked by the caller) back to the queue for a later time. attempt_back: this try does not count.
UPDATE crier.job j
SET state = 'retrying',
    run_at = o.run_at,
    attempt = CASE WHEN o.attempt_back THEN greatest(j.attempt - 1, 0) ELSE j.attempt END,
    lost_leases = CASE WHEN o.lease_lost THEN j.lost_leases + 1 ELSE 0 END,
    error = coalesce(o.error, j.error),
    worker = NULL,
    lease_expires_at = NULL
FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[], $4::boolean[], $5::jsonb[])
     AS o (id, run_at, attempt_back, lease_lost, error)
WHERE j.id = o.id

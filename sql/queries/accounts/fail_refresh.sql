-- $4 is now; $5 whether nobody knows what the platform did; $6 and $7 how long to wait after the first failure, and at most, null
-- where only a new login helps; $8 when the platform wants to be asked again; $9 the error; $10 spreads the waits of accounts.
-- Answers with the class of the failure before, so that the same is not told twice.
WITH before AS (SELECT refresh_error ->> 'class' AS class FROM crier.credential WHERE account_id = $1 AND generation = $2)
UPDATE crier.credential
SET refresh_leased_until = NULL, refresh_began_at = NULL,
    refresh_unclear_since = CASE WHEN $5 THEN coalesce(refresh_unclear_since, refresh_began_at) ELSE refresh_unclear_since END,
    refresh_failures = least(refresh_failures + 1, 1000000),
    refresh_error = $9::jsonb || jsonb_build_object('at', $4::timestamptz),
    refresh_at = CASE WHEN $6::interval IS NOT NULL THEN
        greatest($4 + least($6 * power(2, least(refresh_failures, 30)), $7::interval) * (1 + $10::double precision / 2),
                 $8::timestamptz) END
WHERE account_id = $1 AND generation = $2 AND refresh_token_no = $3 AND refresh_leased_until IS NOT NULL
RETURNING workspace_id, (SELECT class FROM before),
          to_char(refresh_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
          to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')

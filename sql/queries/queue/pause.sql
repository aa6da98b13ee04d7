-- Pauses something that is not paused yet, and says whether it did, and if it could not, how much is paused.
WITH found AS (
    SELECT count(*) AS n FROM crier.pause
), made AS (
    INSERT INTO crier.pause (scope, name, reason, paused_at)
    SELECT $1, $2, $3, $4 FROM found WHERE found.n < $5 OR $1 = 'all'
    ON CONFLICT (scope, name) DO NOTHING
    RETURNING 1
)
SELECT EXISTS (SELECT FROM made), CASE WHEN EXISTS (SELECT FROM crier.pause WHERE scope = $1 AND name = $2) THEN 0 ELSE found.n END
FROM found

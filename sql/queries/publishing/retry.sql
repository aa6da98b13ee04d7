-- Failed targets whose jobs live again. Where no send was ever unclear nothing can be there, so that everything is made
-- anew: what was refused once would be refused again. Otherwise the same bytes go out under the same key.
UPDATE crier.post_target
SET state = 'queued',
    prepared = CASE WHEN was_unclear THEN prepared END,
    platform_key = CASE WHEN was_unclear THEN platform_key END,
    request = CASE WHEN was_unclear THEN request END,
    intent_at = CASE WHEN was_unclear THEN intent_at END,
    updated_at = $2
WHERE job_id = ANY ($1::uuid[]) AND state = 'failed'
RETURNING id

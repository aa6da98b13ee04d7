-- What a delivery says, a row for each account: $3 is the place of the part in the arrays of the delivery.
INSERT INTO crier.webhook_event (id, workspace_id, account_id, source, platform, external_id, payload, headers, received_at)
SELECT e.id, e.workspace_id, e.account_id, $5, ($6::text[])[e.place], ($7::text[])[e.place], ($8::text[])[e.place]::jsonb, $9,
       $10
FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::uuid[]) AS e (id, workspace_id, place, account_id)

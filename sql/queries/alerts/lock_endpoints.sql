-- One adds an endpoint to a workspace, or to the operator's, at a time: each counts those that were added before.
SELECT pg_advisory_xact_lock(hashtextextended('crier.alert_endpoint ' || coalesce($1::text, ''), 0))

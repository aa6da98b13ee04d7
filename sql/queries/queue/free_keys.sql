-- The dedupe keys of jobs that ended are free again. One that another transaction holds is not waited for: a key whose
-- job has ended counts for nothing, and is taken over by whoever wants it next.
DELETE FROM crier.job_key k
USING (SELECT workspace_id, kind, dedupe_key FROM crier.job_key WHERE job_id = ANY ($1::uuid[]) FOR UPDATE SKIP LOCKED) f
WHERE k.workspace_id = f.workspace_id AND k.kind = f.kind AND k.dedupe_key = f.dedupe_key AND k.job_id = ANY ($1::uuid[])

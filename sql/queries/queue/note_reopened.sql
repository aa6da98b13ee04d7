-- Never updated and not unique by the job: whoever removes one that he sees can't remove one that comes meanwhile.
INSERT INTO crier.job_reopened (id, reopened_at) SELECT i.id, $2 FROM unnest($1::uuid[]) AS i (id)

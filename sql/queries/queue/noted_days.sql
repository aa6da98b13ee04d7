-- Days that are dealt with, from the one of an id on, and the jobs in them that may be unfinished.
SELECT d.first_id, d.end_id,
       d.open || ARRAY(SELECT r.id FROM crier.job_reopened r WHERE r.id >= d.first_id AND r.id < d.end_id)
FROM crier.job_day d
WHERE d.end_id > $1
ORDER BY d.first_id

INSERT INTO crier.job_day (first_id, end_id, open, noted_at) VALUES ($1, $2, $3, $4) ON CONFLICT (first_id) DO NOTHING

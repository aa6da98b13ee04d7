-- A target by its id alone, as a person names it.
CREATE INDEX post_target_id ON crier.post_target (id);

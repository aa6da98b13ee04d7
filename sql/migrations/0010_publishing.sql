-- A target by its id alone, as a person names it.
CREATE INDEX post_target_id ON crier.post_target (id);

-- Whether it was ever unclear what became of a send: a later refusal by the platform does not tell about that one.
ALTER TABLE crier.post_target ADD COLUMN was_unclear boolean NOT NULL DEFAULT false;

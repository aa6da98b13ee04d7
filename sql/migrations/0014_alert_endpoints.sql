-- config: its address may not be called, or its secret can't be opened.
ALTER TABLE crier.alert_endpoint
    DROP CONSTRAINT alert_endpoint_disabled_because_check,
    ADD CONSTRAINT alert_endpoint_disabled_because_check CHECK (disabled_because IN ('gone', 'failing', 'asked', 'config'));

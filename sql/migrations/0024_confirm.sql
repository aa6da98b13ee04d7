-- Logins wait for the application's word before anything is connected: only it knows whether the person who comes back is the
-- one who began.
--   ticket    the application has it              -> started
--   started   crierd makes the platform's address -> login
--   login     the person is at the platform       -> answered
--   answered  crierd exchanges the code           -> choice or granted
--   choice    the person chooses accounts         -> chosen
--   chosen    crierd keeps them                   -> granted
--   granted   the application has the secret      -> confirmed
--   confirmed the application has a second ticket -> finished, and the row goes
ALTER TABLE crier.oauth_state
    DROP CONSTRAINT oauth_state_stage_check,
    DROP CONSTRAINT oauth_state_check,
    DROP CONSTRAINT oauth_state_check1,
    DROP CONSTRAINT oauth_state_check2,
    ADD CONSTRAINT oauth_state_stage CHECK (stage IN ('ticket', 'started', 'login', 'answered', 'choice', 'chosen', 'granted',
                                                      'confirmed', 'finished')),
    ADD CONSTRAINT oauth_state_secret CHECK ((stage IN ('ticket', 'login', 'choice', 'granted', 'confirmed')) = (hash IS NOT NULL)),
    ADD CONSTRAINT oauth_state_sealed CHECK ((stage IN ('login', 'choice', 'granted', 'confirmed')) = (sealed IS NOT NULL)),
    ADD CONSTRAINT oauth_state_browser CHECK ((stage IN ('ticket', 'started')) = (browser_hash IS NULL));

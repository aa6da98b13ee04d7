-- What platforms admit that came later. Each server of Misskey, Lemmy and WordPress, and each relay of Nostr, is a small one.
INSERT INTO crier.platform_policy (platform, server_concurrency)
VALUES ('nostr', 4), ('wordpress', 2), ('misskey', 4), ('lemmy', 4), ('devto', 4)
ON CONFLICT DO NOTHING;
INSERT INTO crier.platform_limit (platform, action, scope, per, max)
VALUES ('nostr', 'publish', 'account', '1 minute', 20),
       ('wordpress', 'publish', 'account', '1 minute', 20),
       ('misskey', 'publish', 'account', '1 hour', 300),
       ('lemmy', 'publish', 'account', '10 minutes', 6),   ('lemmy', 'comment', 'account', '10 minutes', 60),
       ('devto', 'publish', 'account', '30 seconds', 1)
ON CONFLICT DO NOTHING;

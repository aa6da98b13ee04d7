-- What accounts do besides publishing on platforms that came later, and what keeps them from publishing too much in an hour or a
-- day. Where a platform publishes no figure, a cautious one.
INSERT INTO crier.platform_limit (platform, action, scope, per, max)
VALUES ('discord', 'like', 'account', '1 second', 1),     ('discord', 'delete', 'account', '1 second', 1),
       ('slack', 'like', 'account', '1 minute', 50),      ('slack', 'delete', 'account', '1 minute', 50),
       ('youtube', 'comment', 'account', '1 hour', 60),   ('facebook', 'delete', 'account', '1 hour', 60),
       ('misskey', 'delete', 'account', '1 hour', 300),   ('misskey', 'like', 'account', '1 hour', 60),
       ('misskey', 'follow', 'account', '1 hour', 50),
       ('wordpress', 'publish', 'account', '1 hour', 30), ('nostr', 'publish', 'account', '1 hour', 30),
       ('devto', 'publish', 'account', '5 minutes', 1),   ('devto', 'publish', 'account', '1 day', 20)
ON CONFLICT DO NOTHING;
-- the wider window says it all
DELETE FROM crier.platform_limit WHERE platform = 'devto' AND action = 'publish' AND per = '30 seconds' AND max = 1;

-- What the charges of actions on platforms cost, of those named together.
SELECT p.platform, p.action, p.charge, p.price
FROM unnest($1::text[], $2::text[]) AS named (platform, action)
JOIN crier.platform_price p ON p.platform = named.platform AND p.action = named.action

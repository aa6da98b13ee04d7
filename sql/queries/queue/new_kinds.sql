-- The kinds among those given, on their platforms, that nobody has brought yet.
SELECT DISTINCT i.kind, i.platform
FROM unnest($1::text[], $2::text[]) AS i (kind, platform)
WHERE NOT EXISTS (SELECT FROM crier.open_kind k WHERE k.kind = i.kind AND k.platform = i.platform OFFSET 0)
ORDER BY 1, 2

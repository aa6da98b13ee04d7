-- Whether a search names a word that must occur: one without would read everything.
SELECT querytree(websearch_to_tsquery('simple', $1)) NOT IN ('', 'T')

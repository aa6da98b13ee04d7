SELECT items, last_values, has_more FROM crier.table_page($1, $2, $3, $4, $5, $6, $7, $8)

SELECT workspace_id, url, sealed FROM crier.alert_endpoint WHERE id = $1

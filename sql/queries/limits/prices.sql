-- What a job of an action costs at most.
SELECT platform, action, max(price) FROM crier.platform_price GROUP BY platform, action

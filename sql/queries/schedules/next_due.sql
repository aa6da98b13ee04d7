-- When the next schedule is due, later than $1.
SELECT least((SELECT s.next_at FROM crier.schedule s WHERE s.state = 'active' AND NOT s.is_waiting AND s.next_at > $1
              ORDER BY s.is_waiting, s.next_at LIMIT 1),
             (SELECT s.next_at FROM crier.schedule s WHERE s.state = 'active' AND s.is_waiting AND s.next_at > $2
              ORDER BY s.is_waiting, s.next_at LIMIT 1))

INSERT INTO counters AS c (key, value) VALUES ('bench-key-0000000000', 1) ON CONFLICT (key) DO UPDATE SET value = c.value + EXCLUDED.value, updated_at = now() RETURNING value;

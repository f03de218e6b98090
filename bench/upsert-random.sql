\set number random(1, :KEYS)
INSERT INTO counters AS c (key, value) VALUES ('bench-key-' || lpad((:number)::text, 10, '0'), 1) ON CONFLICT (key) DO UPDATE SET value = c.value + EXCLUDED.value, updated_at = now() RETURNING value;

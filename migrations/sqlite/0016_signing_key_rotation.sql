ALTER TABLE signing_keys ADD COLUMN activated_at TEXT;
ALTER TABLE signing_keys ADD COLUMN retired_at TEXT;
UPDATE signing_keys SET activated_at = created_at WHERE status <> 'next';
UPDATE signing_keys SET retired_at = created_at WHERE status = 'retired';

-- Nodes that publish a successor at the same time agree on one.
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (algorithm) WHERE status = 'next';

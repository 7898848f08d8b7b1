ALTER TABLE clients DROP CONSTRAINT clients_source_check;
ALTER TABLE clients ADD CONSTRAINT clients_source_check CHECK (source IN ('seed', 'dcr', 'cimd'));

ALTER TABLE clients ADD COLUMN fresh_until TIMESTAMPTZ;

-- Who describes a client by a document: a host; where many people publish there, the document.
ALTER TABLE clients ADD COLUMN described_by TEXT;
UPDATE clients SET described_by = split_part(split_part(id, '/', 3), ':', 1)
 WHERE source = 'cimd' AND id LIKE 'https://%/%';
CREATE INDEX clients_by_publisher ON clients (described_by) WHERE described_by IS NOT NULL;

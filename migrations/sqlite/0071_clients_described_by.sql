-- Who describes a client by a document: a host; where many people publish there, the document.
ALTER TABLE clients ADD COLUMN described_by TEXT;
UPDATE clients SET described_by = substr(id, 9, instr(substr(id, 9), '/') - 1)
 WHERE source = 'cimd' AND id LIKE 'https://%/%';
UPDATE clients SET described_by = substr(described_by, 1, instr(described_by, ':') - 1)
 WHERE instr(described_by, ':') > 0;
CREATE INDEX clients_by_publisher ON clients (described_by) WHERE described_by IS NOT NULL;

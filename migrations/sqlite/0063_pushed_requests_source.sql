-- Who pushed it (an address, or its IPv6 network), and what it takes: both are bounded.
ALTER TABLE pushed_requests ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE pushed_requests ADD COLUMN bytes INTEGER NOT NULL DEFAULT 1024;
CREATE INDEX pushed_requests_by_source ON pushed_requests (source, bytes);

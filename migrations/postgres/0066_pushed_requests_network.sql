-- Whoever has a whole network has its sources: where all shares are used up, the greediest network yields.
ALTER TABLE pushed_requests ADD COLUMN network TEXT NOT NULL DEFAULT '';
CREATE INDEX pushed_requests_by_network ON pushed_requests (network, bytes);

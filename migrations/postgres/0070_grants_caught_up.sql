-- When a refresh token newer than this database knew was accepted, after an operator put back a backup.
ALTER TABLE grants ADD COLUMN caught_up_at TIMESTAMPTZ;

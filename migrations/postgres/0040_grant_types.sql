-- What each began with (RFC 6749 section 1.3). Those that are there began with a code; a device that has one of them
-- asks again to be known as one.
ALTER TABLE grants ADD COLUMN grant_type TEXT NOT NULL DEFAULT 'authorization_code';

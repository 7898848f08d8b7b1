-- From where the refresh token was last rotated, and a digest of how the program called itself.
ALTER TABLE grants ADD COLUMN refreshed_from TEXT;
ALTER TABLE grants ADD COLUMN refreshed_with BYTEA;

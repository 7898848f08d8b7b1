-- Whose session it is, so that an operator can end them all; NULL where nobody is signed in.
ALTER TABLE sessions ADD COLUMN user_id BLOB;
UPDATE sessions SET user_id = unhex(replace(json_extract(data, '$.user_id'), '-', ''));
CREATE INDEX sessions_by_user ON sessions (user_id) WHERE user_id IS NOT NULL;

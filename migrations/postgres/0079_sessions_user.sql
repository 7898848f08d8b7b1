-- Whose session it is, so that an operator can end them all; NULL where nobody is signed in.
ALTER TABLE sessions ADD COLUMN user_id UUID;
UPDATE sessions SET user_id = CAST(data ->> 'user_id' AS UUID);
CREATE INDEX sessions_by_user ON sessions (user_id) WHERE user_id IS NOT NULL;

-- From the seed and the master key every node makes the same link; rows of before have none.
ALTER TABLE setup_tokens ADD COLUMN seed BLOB;
-- Whether it helps an administrator who is locked out: there may be others.
ALTER TABLE setup_tokens ADD COLUMN recovers INTEGER NOT NULL DEFAULT 0;

-- ASCII case does not tell two addresses apart, and no other case does, whatever the locale of the database.
ALTER TABLE users ALTER COLUMN email TYPE TEXT COLLATE "C";

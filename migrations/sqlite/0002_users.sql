CREATE TABLE users (
    id BLOB PRIMARY KEY,
    username TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'service', 'user', 'readonly')),
    name TEXT,
    email TEXT,
    created_at TEXT NOT NULL,
    disabled_at TEXT
) STRICT;

-- ASCII case does not tell two people apart, in either dialect.
CREATE UNIQUE INDEX users_by_username ON users (lower(username));

CREATE TABLE users (
    id UUID PRIMARY KEY,
    username TEXT COLLATE "C" NOT NULL,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'service', 'user', 'readonly')),
    name TEXT,
    email TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    disabled_at TIMESTAMPTZ
);

-- ASCII case does not tell two people apart, in either dialect.
CREATE UNIQUE INDEX users_by_username ON users (lower(username));

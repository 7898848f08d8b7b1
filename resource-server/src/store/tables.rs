//! The tables of the store, created when the store is opened if they are missing.

/// In order: each table comes after the tables that it refers to.
pub(super) const ALL: [&str; 5] = [DOCUMENTS, DOCUMENT_SOURCES, AUDIT_EVENTS, SESSIONS, API_KEYS];

const DOCUMENTS: &str = "\
    CREATE TABLE IF NOT EXISTS documents (\
        owner TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, updated_at INTEGER NOT NULL, \
        PRIMARY KEY (owner, kind, id))";

const DOCUMENT_SOURCES: &str = "\
    CREATE TABLE IF NOT EXISTS document_sources (\
        owner TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, \
        PRIMARY KEY (owner, kind, id), \
        FOREIGN KEY (owner, kind, id) REFERENCES documents (owner, kind, id) ON DELETE CASCADE)";

const AUDIT_EVENTS: &str = "\
    CREATE TABLE IF NOT EXISTS audit_events (\
        id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, seal TEXT NOT NULL);\
    CREATE INDEX IF NOT EXISTS audit_events_of ON audit_events (\
        coalesce(event ->> 'user_id', '~' || (event -> 'client_info' ->> 'ip_address'), ''))";

const SESSIONS: &str = "\
    CREATE TABLE IF NOT EXISTS sessions (\
        id TEXT PRIMARY KEY, surface TEXT NOT NULL, user_id TEXT NOT NULL, renewed_at INTEGER NOT NULL, \
        ended_at INTEGER);\
    CREATE TABLE IF NOT EXISTS refresh_tokens (\
        hash BLOB PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE, \
        used_at INTEGER);\
    CREATE INDEX IF NOT EXISTS refresh_tokens_of_session ON refresh_tokens (session_id);";

const API_KEYS: &str = "\
    CREATE TABLE IF NOT EXISTS api_keys (\
        id TEXT PRIMARY KEY, surface TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT NOT NULL, \
        permissions TEXT NOT NULL, hash BLOB NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, \
        last_used INTEGER, revoked_at INTEGER);\
    CREATE INDEX IF NOT EXISTS api_keys_of_user ON api_keys (surface, user_id);\
    CREATE TABLE IF NOT EXISTS api_key_parents (key_id TEXT PRIMARY KEY, parent_id TEXT NOT NULL);";

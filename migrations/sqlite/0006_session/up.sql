-- The people in whose name a proxy session may be asked for.
CREATE TABLE platform_user (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- Proxy sessions, those of the past as well. What a list shows is kept as it was. Of the token in a session's URL
-- only the SHA-256 is here; the token itself is made from session_id under a key of the vault.
CREATE TABLE proxy_session (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL UNIQUE,
    verifier BLOB NOT NULL UNIQUE,
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    credential_id INTEGER NOT NULL REFERENCES credential (id),
    remote_device_id INTEGER REFERENCES device (id),
    user_name TEXT NOT NULL REFERENCES platform_user (name),
    username TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    remote_app INTEGER,
    screen_size TEXT NOT NULL,
    bound_to TEXT,
    started_at BIGINT NOT NULL,
    url_expires_at BIGINT NOT NULL,
    opened_from TEXT,
    ended_at BIGINT
);
CREATE INDEX proxy_session_credential ON proxy_session (credential_id, url_expires_at);

-- Times are microseconds since 1970, UTC. Columns named *_key hold the folded form that is compared ignoring case.
-- AUTOINCREMENT: an id is never used twice, since sealed values are bound to the id of their owner.

CREATE TABLE vault_meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- One row: raised by every change of keys, clients or revocations, so that each node notices.
CREATE TABLE change_mark (
    id INTEGER NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);
INSERT INTO change_mark (id, revision) VALUES (1, 1);

CREATE TABLE data_key (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL,
    state TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE signing_key (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kid TEXT NOT NULL UNIQUE,
    public_key BLOB NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Every sealed value of every kind, in every version that is kept.
CREATE TABLE secret (
    kind TEXT NOT NULL,
    owner_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, owner_id, version)
) WITHOUT ROWID;

CREATE TABLE application (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE "authorization" (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    application_id INTEGER NOT NULL REFERENCES application (id),
    client_id TEXT NOT NULL UNIQUE,
    access TEXT NOT NULL,
    resources TEXT NOT NULL,
    allowed_ips TEXT NOT NULL,
    expires_at BIGINT,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX authorization_application ON "authorization" (application_id);

CREATE TABLE client_secret (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    verifier BLOB NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX client_secret_authorization ON client_secret (authorization_id);

CREATE TABLE authorization_link (
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    object_kind TEXT NOT NULL,
    object_id INTEGER NOT NULL,
    PRIMARY KEY (authorization_id, object_kind, object_id)
) WITHOUT ROWID;

CREATE TABLE revoked_token (
    jti TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE domain (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    short_name TEXT,
    short_name_key TEXT UNIQUE
);

CREATE TABLE lookup (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    UNIQUE (kind, name_key)
);
INSERT INTO lookup (id, kind, name, name_key) VALUES
    (1, 'credential_type', 'Local User', 'local user'),
    (2, 'credential_type', 'SSH Key', 'ssh key'),
    (3, 'credential_type', 'Local administrator', 'local administrator'),
    (4, 'credential_type', 'Domain User', 'domain user');

CREATE TABLE device (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    hostname TEXT NOT NULL,
    hostname_key TEXT NOT NULL UNIQUE,
    ip TEXT NOT NULL,
    kind TEXT NOT NULL,
    vendor TEXT NOT NULL,
    model TEXT NOT NULL,
    site TEXT NOT NULL,
    domains TEXT NOT NULL,
    tags TEXT NOT NULL,
    connectivities TEXT NOT NULL,
    session_remote_config TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE credential (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    device_id INTEGER NOT NULL REFERENCES device (id),
    username TEXT NOT NULL,
    identifier TEXT UNIQUE,
    credential_type TEXT NOT NULL,
    additional TEXT NOT NULL,
    tags TEXT NOT NULL,
    domain TEXT NOT NULL,
    parent_id INTEGER REFERENCES credential (id),
    execution_settings TEXT,
    session_settings TEXT,
    additional_settings TEXT,
    jit_settings TEXT,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    viewed_at BIGINT
);
-- An account has one password, and any number of keys.
CREATE UNIQUE INDEX credential_account ON credential (device_id, username) WHERE kind = 'password';
CREATE INDEX credential_username ON credential (device_id, username);
CREATE INDEX credential_parent ON credential (parent_id);

CREATE TABLE custody (
    credential_id INTEGER NOT NULL REFERENCES credential (id),
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    since BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (credential_id, authorization_id)
) WITHOUT ROWID;

-- The head of each writer's chain of audit records.
CREATE TABLE audit_chain (
    name TEXT NOT NULL PRIMARY KEY,
    last_seq BIGINT NOT NULL,
    last_mac BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE audit_record (
    chain TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    source TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    times INTEGER NOT NULL,
    previous BLOB NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (chain, seq)
) WITHOUT ROWID;

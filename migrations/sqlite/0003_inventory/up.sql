-- Inventory: devices, credentials and their policies, protected information, proxy sessions. No column is secret.

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
    -- The address in one spelling (RFC 5952), which lookups compare.
    ip_key TEXT NOT NULL,
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
CREATE INDEX device_ip ON device (ip_key, id);
CREATE INDEX device_kind ON device (kind, id);
CREATE INDEX device_inactive ON device (id) WHERE NOT active;

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
    session_settings TEXT,
    additional_settings TEXT,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    viewed_at BIGINT,
    -- Whether only one client may hold the credential at a time; NULL follows the settings.
    exclusive_custody BOOLEAN
);
-- An account has at most one password, and any number of SSH keys.
CREATE UNIQUE INDEX credential_account ON credential (device_id, username) WHERE kind = 'password';
CREATE INDEX credential_parent ON credential (parent_id);
-- Filters of lists, each sorted by id, so that a page costs the same in a table of any size.
CREATE INDEX credential_username ON credential (username, id);
CREATE INDEX credential_device ON credential (device_id, username);
CREATE INDEX credential_kind ON credential (kind, id);
CREATE INDEX credential_type ON credential (credential_type, id);
CREATE INDEX credential_inactive ON credential (id) WHERE NOT active;

-- Rotation policies of passwords. A row exists once a setting was sent.
CREATE TABLE rotation_policy (
    credential_id INTEGER NOT NULL PRIMARY KEY REFERENCES credential (id),
    automatic_change BOOLEAN NOT NULL,
    agent_based BOOLEAN NOT NULL,
    plugin TEXT,
    template TEXT,
    use_own_credential BOOLEAN NOT NULL,
    authentication_id INTEGER REFERENCES credential (id),
    reconcile BOOLEAN NOT NULL,
    reconciliation_id INTEGER REFERENCES credential (id),
    reconciliation_plugin TEXT,
    reconciliation_template TEXT,
    -- Where the logins of other credentials may be sent; `vault/rotation/granted_place.rs`.
    granted_place TEXT
);

-- Just-in-time access policies. A row exists once a setting was sent.
CREATE TABLE jit_policy (
    credential_id INTEGER NOT NULL PRIMARY KEY REFERENCES credential (id),
    enabled BOOLEAN NOT NULL,
    create_and_delete BOOLEAN NOT NULL,
    enable_and_disable BOOLEAN NOT NULL,
    use_own_credential BOOLEAN NOT NULL,
    authentication_id INTEGER REFERENCES credential (id),
    creation_plugin TEXT,
    creation_template TEXT,
    deletion_plugin TEXT,
    deletion_template TEXT,
    enable_plugin TEXT,
    enable_template TEXT,
    disable_plugin TEXT,
    disable_template TEXT,
    granted_place TEXT
);

CREATE TABLE custody (
    credential_id INTEGER NOT NULL REFERENCES credential (id),
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    since BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (credential_id, authorization_id)
) WITHOUT ROWID;
CREATE INDEX custody_until ON custody (until) WHERE until IS NOT NULL;

-- Columns of an SSH key beyond its row in credential. The private key and its passphrase are in secret. Algorithm,
-- bits, fingerprint and comment are parsed from the public key.
CREATE TABLE ssh_key (
    credential_id INTEGER NOT NULL PRIMARY KEY REFERENCES credential (id),
    key_name TEXT NOT NULL,
    public_key TEXT NOT NULL
);

-- Further devices of a key.
CREATE TABLE ssh_key_device (
    credential_id INTEGER NOT NULL REFERENCES credential (id),
    device_id INTEGER NOT NULL REFERENCES device (id),
    PRIMARY KEY (credential_id, device_id)
);

-- The tags of each object, for links and searches. The row of an object has the text for display; the names of tags
-- are lookup values of the kind 'tag'.
CREATE TABLE tagging (
    object_kind TEXT NOT NULL,
    object_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL REFERENCES lookup (id),
    PRIMARY KEY (object_kind, object_id, tag_id)
) WITHOUT ROWID;
CREATE INDEX tagging_tag ON tagging (tag_id, object_kind, object_id);

-- Protected-information records. The text is sealed in the table of secrets.
CREATE TABLE information (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    identifier TEXT UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    service TEXT NOT NULL,
    url TEXT NOT NULL,
    users_allowed TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX information_kind ON information (kind, id);

-- Proxy sessions, ended ones included. The columns that lists show are copies from the time of creation. token_hash:
-- SHA-256 of the token in the URL; the token is derived from session_id under a key of the vault.
CREATE TABLE proxy_session (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL UNIQUE,
    token_hash BLOB NOT NULL UNIQUE,
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

-- Sealed values of every kind and version. state: current, the value in force; previous, a former current value;
-- candidate, a value to come; unverified, a candidate that an external system has not confirmed; rejected, a candidate
-- that never became current. data_key_id: the key that the value is sealed under, which the value itself names too; a key
-- with values cannot be deleted. No index has it, which each update would write: the deletion of a key, and each count of its
-- values, read the table, 0.1 s for a million rows. It stands before sealed, so that they do not follow the overflow pages of
-- large values.
CREATE TABLE secret (
    kind TEXT NOT NULL,
    owner_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('current', 'previous', 'candidate', 'unverified', 'rejected')),
    data_key_id INTEGER NOT NULL REFERENCES data_key (id),
    created_at BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (kind, owner_id, version)
) WITHOUT ROWID;
CREATE UNIQUE INDEX secret_candidate ON secret (kind, owner_id) WHERE state IN ('candidate', 'unverified');

-- The highest version of each secret that ever existed, and the version that is current: no index of secret allows a single one,
-- since each change would write it. mac: a MAC over the row, which detects a version that was deleted or made current outside the
-- vault. current_changed_at: when current_version changed.
CREATE TABLE secret_head (
    kind TEXT NOT NULL,
    owner_id INTEGER NOT NULL,
    highest_version INTEGER NOT NULL,
    current_version INTEGER,
    current_changed_at BIGINT NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (kind, owner_id)
) WITHOUT ROWID;

-- Secrets of an authorization by their identities. The values are in secret, as one JSON document of size bytes. expiration_date: as
-- it was sent.
CREATE TABLE application_secret (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    identity TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    expiration_date TEXT NOT NULL,
    engine TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (authorization_id, identity)
);
CREATE INDEX application_secret_size ON application_secret (authorization_id, size);

-- Stored results of requests with an idempotency key; a repeated request returns the stored result. Key and request are
-- stored as MACs, because a request may contain a weak password. data_key_id: the oldest key that a value in the result is
-- sealed under; NULL: the result holds no sealed value.
CREATE TABLE idempotency (
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    key_mac BLOB NOT NULL,
    request_mac BLOB NOT NULL,
    result TEXT NOT NULL,
    data_key_id INTEGER REFERENCES data_key (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (authorization_id, key_mac)
) WITHOUT ROWID;
CREATE INDEX idempotency_data_key ON idempotency (data_key_id, authorization_id, key_mac) WHERE data_key_id IS NOT NULL;
CREATE INDEX idempotency_created ON idempotency (created_at);

-- Background jobs, which survive a restart. A node holds a running job until lease_until. Every statement of the holder
-- compares fence, which each claim increments, so that a holder that has lost the job cannot change anything. key: the
-- subject of the job, never a secret. last_error: a fixed word, never a value.
CREATE TABLE job (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    object_id INTEGER,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    due_at BIGINT NOT NULL,
    lease_until BIGINT,
    fence BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    last_error TEXT,
    requested_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
-- Written as the queries are: SQLite does not see that they ask for the same.
CREATE UNIQUE INDEX job_live ON job (kind, key) WHERE state = 'queued' OR state = 'running';
CREATE INDEX job_due ON job (due_at, id) WHERE state = 'queued';
CREATE INDEX job_lease ON job (lease_until, id) WHERE state = 'running';

-- Changes of passwords on targets: the state of each credential whose change was once requested. Names and counts, never a
-- value. waiting_: requests that wait until the open rotation has ended. changed_at: when the last one ended with a new password.
-- is_behind: the target of a child does not have the value of its parent yet; the one in force is the child's own.
-- former_version, former_passphrase_version: what the last change that was sent replaces.
CREATE TABLE rotation_record (
    credential_id INTEGER NOT NULL PRIMARY KEY REFERENCES credential (id),
    revision BIGINT NOT NULL,
    phase TEXT NOT NULL,
    cause TEXT,
    attempts INTEGER NOT NULL,
    checks INTEGER NOT NULL,
    rejections INTEGER NOT NULL,
    sends INTEGER NOT NULL,
    in_doubt BOOLEAN NOT NULL,
    due_at BIGINT,
    problem TEXT,
    waiting_releases INTEGER NOT NULL,
    waiting_cause TEXT,
    changed_at BIGINT,
    is_behind BOOLEAN NOT NULL,
    former_version INTEGER,
    former_passphrase_version INTEGER
);

-- The last events of each rotation_record, by its revision.
CREATE TABLE rotation_event (
    credential_id INTEGER NOT NULL REFERENCES credential (id),
    revision BIGINT NOT NULL,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    problem TEXT,
    PRIMARY KEY (credential_id, revision)
) WITHOUT ROWID;

-- Accounts that exist, or can log in, on their targets only while the custody of a credential lasts. state: creating, the account may
-- exist from here on; present; removing; absent. mode: create (and delete) or enable (and disable). What a removal needs is stored
-- as it was at the creation: plugin, device_id, username, the place of the account (host, port, options as a JSON object, and the
-- identity of the target), operator_id, the credential that creates and removes, and mark, which a created account bears. problem:
-- what kept the last step from its end, a fixed word.
CREATE TABLE jit_account (
    credential_id INTEGER NOT NULL PRIMARY KEY REFERENCES credential (id),
    state TEXT NOT NULL CHECK (state IN ('creating', 'present', 'removing', 'absent')),
    mode TEXT NOT NULL CHECK (mode IN ('create', 'enable')),
    plugin TEXT NOT NULL,
    device_id INTEGER NOT NULL REFERENCES device (id),
    username TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER,
    options TEXT NOT NULL,
    identity TEXT,
    operator_id INTEGER NOT NULL REFERENCES credential (id),
    mark TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    problem TEXT,
    changed_at BIGINT NOT NULL
);

-- What a target has to present: the fingerprint of its host key or certificate. service: the plugin and the port.
CREATE TABLE target_identity (
    device_id INTEGER NOT NULL REFERENCES device (id),
    service TEXT NOT NULL,
    identity TEXT NOT NULL,
    pinned_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, service)
) WITHOUT ROWID;

-- Change templates of the operator: what is sent to a target. name_key: the case-folded name. mac: over the row; a template that was
-- modified outside the vault is not run, since it sends secrets.
CREATE TABLE change_template (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    executor TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    source TEXT NOT NULL,
    mac BLOB NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (executor, name_key)
);

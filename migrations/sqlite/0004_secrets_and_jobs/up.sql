-- Every sealed value of every kind, in every version that is kept. state: current, the value in force; previous, one
-- that was; candidate, one that shall be; unverified, a candidate that may be in force already; rejected, a candidate
-- that never was.
CREATE TABLE secret (
    kind TEXT NOT NULL,
    owner_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('current', 'previous', 'candidate', 'unverified', 'rejected')),
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, owner_id, version)
) WITHOUT ROWID;
CREATE UNIQUE INDEX secret_current ON secret (kind, owner_id) WHERE state = 'current';
CREATE UNIQUE INDEX secret_candidate ON secret (kind, owner_id) WHERE state IN ('candidate', 'unverified');

-- The highest version of each secret that there ever was, and the current one. mac: over the row, so that a version
-- that was deleted, or another one that was made current, behind the vault's back shows.
CREATE TABLE secret_head (
    kind TEXT NOT NULL,
    owner_id INTEGER NOT NULL,
    highest_version INTEGER NOT NULL,
    current_version INTEGER,
    mac BLOB NOT NULL,
    PRIMARY KEY (kind, owner_id)
) WITHOUT ROWID;

-- What a request with an idempotency key did, so that its repetition is answered alike and does nothing. Key and
-- request are kept as MACs: a request may hold a password that is easily guessed.
CREATE TABLE idempotency (
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    key_mac BLOB NOT NULL,
    request_mac BLOB NOT NULL,
    result TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (authorization_id, key_mac)
) WITHOUT ROWID;
CREATE INDEX idempotency_created ON idempotency (created_at);

-- Background work that outlives a restart. A node holds a running job until lease_until; every statement of the holder
-- names the fence, which each claim raises, so that a holder who lost the job changes nothing more. key: what the job is
-- about, never a secret. last_error: a word, never a value.
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
CREATE UNIQUE INDEX job_live ON job (kind, key) WHERE state IN ('queued', 'running');
CREATE INDEX job_due ON job (due_at, id) WHERE state = 'queued';
CREATE INDEX job_lease ON job (lease_until, id) WHERE state = 'running';

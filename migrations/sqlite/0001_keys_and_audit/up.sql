-- Times are microseconds since 1970, UTC. Columns named *_key contain the case-folded text, for comparison ignoring case.
-- AUTOINCREMENT: an id is never reused, because sealed values are bound to the id of their owner.

CREATE TABLE vault_meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- One row: every change of keys, clients or revocations increments the revision, so that each node reloads them.
CREATE TABLE change_mark (
    id INTEGER NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);
-- 1: changes of keys and clients. 2: revoked tokens.
INSERT INTO change_mark (id, revision) VALUES (1, 1), (2, 0);

-- Keys under the root key. state: current, the key of new values, or retiring, a key that still opens values until all of them
-- are under the current key. resealed: the number of values that have been moved from a retiring key.
CREATE TABLE data_key (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL,
    state TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT,
    resealed BIGINT NOT NULL
);
CREATE UNIQUE INDEX data_key_current ON data_key (purpose) WHERE state = 'current';

-- Keys of access tokens. state: current or retiring. Tokens that a retiring key has signed are
-- accepted until they expire.
CREATE TABLE signing_key (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kid TEXT NOT NULL UNIQUE,
    public_key BLOB NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);
CREATE UNIQUE INDEX signing_key_current ON signing_key (state) WHERE state = 'current';

-- The key that clients encrypt for what they write; its private half is a secret.
CREATE TABLE transit_key (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    created_at BIGINT NOT NULL
);

-- The head of each chain of audit records; each writer has a chain.
CREATE TABLE audit_chain (
    name TEXT NOT NULL PRIMARY KEY,
    last_seq BIGINT NOT NULL,
    last_mac BLOB NOT NULL
) WITHOUT ROWID;

-- The last record of a chain that was archived and deleted. mac: a MAC over the row.
CREATE TABLE audit_checkpoint (
    chain TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    record_mac BLOB NOT NULL,
    mac BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE audit_record (
    chain TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    source TEXT NOT NULL,
    family TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    times INTEGER NOT NULL,
    previous BLOB NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (chain, seq)
) WITHOUT ROWID;

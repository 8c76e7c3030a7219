-- Access control: API clients and their secrets, identities, roles, and links of clients to objects.

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
    created_at BIGINT NOT NULL,
    -- Comma-separated lists; an empty list requires nothing.
    referers TEXT NOT NULL,
    certificates TEXT NOT NULL,
    -- How its tokens have to be bound: certificate or dpop. NULL: bearer tokens will do.
    sender_constraint TEXT
);
CREATE INDEX authorization_application ON "authorization" (application_id);

CREATE TABLE client_secret (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    hash BLOB NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX client_secret_authorization ON client_secret (authorization_id);

-- The public key that encrypts the secrets in a client's responses. The private key is not stored.
CREATE TABLE response_key (
    authorization_id INTEGER NOT NULL PRIMARY KEY REFERENCES "authorization" (id),
    form TEXT NOT NULL,
    public_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Public keys that verify the assertions of a client, by their thumbprints.
CREATE TABLE client_key (
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    thumbprint TEXT NOT NULL,
    name TEXT NOT NULL,
    jwk TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (authorization_id, thumbprint)
) WITHOUT ROWID;

-- Bearer tokens without a login. id: public, and used for revocation.
CREATE TABLE static_token (
    id TEXT NOT NULL PRIMARY KEY,
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX static_token_authorization ON static_token (authorization_id);

-- Keys by which clients sign requests (OAuth 1.0). token: the public id. Their secrets are sealed, in the table secret.
CREATE TABLE request_signing_key (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    name TEXT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX request_signing_key_authorization ON request_signing_key (authorization_id);

-- The system and the environment that an authorization is for, as programs register them. registered_by: the authorization that
-- may ask for it again, and for another secret of it. tags: a JSON array.
CREATE TABLE registration (
    authorization_id INTEGER NOT NULL PRIMARY KEY REFERENCES "authorization" (id),
    registered_by INTEGER NOT NULL REFERENCES "authorization" (id),
    system TEXT NOT NULL,
    environment TEXT NOT NULL,
    unique_key TEXT,
    description TEXT,
    tags TEXT NOT NULL
);
CREATE INDEX registration_registrar ON registration (registered_by);

-- mark: the revocation mark at its revocation, by which nodes find new ones.
CREATE TABLE revoked_token (
    jti TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL,
    mark BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX revoked_token_expiry ON revoked_token (expires_at);
CREATE INDEX revoked_token_mark ON revoked_token (mark);

-- Values that may be used once, such as the ids of proofs that clients have signed, until they expire.
CREATE TABLE single_use (
    digest BLOB NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX single_use_expiry ON single_use (expires_at);

-- Counted failures of logins, and the places where logins succeeded (without failures). digest: a MAC over kind, account and
-- network. counted_at: the start of the window, or the last failure. is_known: of an account that exists. account: the digest of the
-- account whose place this is; NULL for a counter.
CREATE TABLE login_attempt (
    digest BLOB NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    counted_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    is_known BOOLEAN NOT NULL,
    changed_at BIGINT NOT NULL,
    account BLOB
) WITHOUT ROWID;
CREATE INDEX login_attempt_expiry ON login_attempt (expires_at);
CREATE INDEX login_attempt_change ON login_attempt (changed_at);
CREATE INDEX login_attempt_account ON login_attempt (account);

-- Issuers whose tokens authenticate workloads. Their keys: at jwks_url, in jwks, or, without both, as discovery says.
-- ca_pem: the authorities that the server of the keys is trusted by; NULL: those of the system.
CREATE TABLE trusted_issuer (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    issuer TEXT NOT NULL,
    audience TEXT NOT NULL,
    jwks_url TEXT,
    jwks TEXT,
    ca_pem TEXT,
    allow_private BOOLEAN NOT NULL,
    reusable_tokens BOOLEAN NOT NULL,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (issuer, audience)
);

-- claims: a JSON array of pairs, the name of a claim and its value. A token that has all of them is the authorization's.
CREATE TABLE issuer_rule (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    trusted_issuer_id INTEGER NOT NULL REFERENCES trusted_issuer (id),
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    name TEXT NOT NULL,
    claims TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (trusted_issuer_id, name)
);
CREATE INDEX issuer_rule_authorization ON issuer_rule (authorization_id);

CREATE TABLE authorization_link (
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    object_kind TEXT NOT NULL,
    object_id INTEGER NOT NULL,
    PRIMARY KEY (authorization_id, object_kind, object_id)
) WITHOUT ROWID;
-- The authorizations of a tag that a save sets, and of an entry that is deleted. Each credential has a link, and is not in it.
CREATE INDEX authorization_link_object ON authorization_link (object_kind, object_id)
    WHERE object_kind = 'tag' OR object_kind = 'entry';

-- permissions: access-control strings, each ending in a slash, separated by spaces.
CREATE TABLE permission_set (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    permissions TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO permission_set (id, name, name_key, permissions) VALUES
    ('099c05f0-deba-4562-a5b1-f491e19c0749', 'Global', 'global', '/');

CREATE TABLE role (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    email_address TEXT,
    immutable BOOLEAN NOT NULL,
    permission_set_id TEXT NOT NULL REFERENCES permission_set (id),
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
INSERT INTO role
    (id, name, name_key, description, immutable, permission_set_id, permissions, created_at, changed_at) VALUES
    (1, 'Administrator', 'administrator', 'May do everything', TRUE, '099c05f0-deba-4562-a5b1-f491e19c0749', '/', 0, 0);

CREATE TABLE authorization_role (
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    role_id INTEGER NOT NULL REFERENCES role (id),
    PRIMARY KEY (authorization_id, role_id)
) WITHOUT ROWID;
CREATE INDEX authorization_role_by_role ON authorization_role (role_id);

-- mac: a MAC over the row and its roles. password: an Argon2 hash in PHC format; NULL without a password.
CREATE TABLE identity (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_name TEXT NOT NULL,
    account_key TEXT NOT NULL UNIQUE,
    identity_type TEXT NOT NULL,
    password TEXT,
    mac BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE identity_role (
    identity_id INTEGER NOT NULL REFERENCES identity (id),
    role_id INTEGER NOT NULL REFERENCES role (id),
    PRIMARY KEY (identity_id, role_id)
) WITHOUT ROWID;
CREATE INDEX identity_role_by_role ON identity_role (role_id);

-- Claims of identity providers, which can hold roles. claim_type: a number of the Keyfactor API.
CREATE TABLE security_claim (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    claim_type INTEGER NOT NULL,
    claim_value TEXT NOT NULL,
    value_key TEXT NOT NULL,
    scheme TEXT NOT NULL,
    scheme_key TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (claim_type, value_key, scheme_key)
);

CREATE TABLE security_claim_role (
    claim_id INTEGER NOT NULL REFERENCES security_claim (id),
    role_id INTEGER NOT NULL REFERENCES role (id),
    PRIMARY KEY (claim_id, role_id)
) WITHOUT ROWID;
CREATE INDEX security_claim_role_by_role ON security_claim_role (role_id);

-- Platform users: the people for whom a proxy session can be requested.
CREATE TABLE platform_user (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- PAM providers: types, providers, and entries of local providers. The built-in types have the ids that clients know;
-- ids of further parameters start at 10.

CREATE TABLE provider_type (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    built_in BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO provider_type (id, name, name_key, built_in, created_at) VALUES
    ('16fc28fa-d2e4-4152-9895-ebf261b011b5', 'CyberArk', 'cyberark', TRUE, 0),
    ('c09bbfa5-a081-4194-9dd2-31f3cc3fabcc', 'Thycotic', 'thycotic', TRUE, 0),
    ('54ebf9ac-a1e4-48ae-b16e-1bfb9755465c', 'Command Secret Provider', 'command secret provider', TRUE, 0);

-- data_type: 1 is text, 2 is a secret. instance_level: the value is set where the provider is used.
CREATE TABLE provider_type_parameter (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    type_id TEXT NOT NULL REFERENCES provider_type (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    display_name TEXT,
    data_type INTEGER NOT NULL,
    instance_level BOOLEAN NOT NULL,
    UNIQUE (type_id, name_key)
);
INSERT INTO provider_type_parameter (id, type_id, name, name_key, display_name, data_type, instance_level) VALUES
    (1, '16fc28fa-d2e4-4152-9895-ebf261b011b5', 'Safe', 'safe', 'PrivateArk Safe', 1, FALSE),
    (2, '16fc28fa-d2e4-4152-9895-ebf261b011b5', 'Folder', 'folder', 'PrivateArk Folder Name', 1, TRUE),
    (3, '16fc28fa-d2e4-4152-9895-ebf261b011b5', 'Object', 'object', 'PrivateArk Protected Password Name', 1, TRUE),
    (4, '16fc28fa-d2e4-4152-9895-ebf261b011b5', 'AppId', 'appid', 'Application ID', 1, FALSE),
    (5, 'c09bbfa5-a081-4194-9dd2-31f3cc3fabcc', 'SecretServerUrl', 'secretserverurl', 'Server URL', 1, FALSE),
    (6, 'c09bbfa5-a081-4194-9dd2-31f3cc3fabcc', 'RuleName', 'rulename', 'Rule Name', 1, FALSE),
    (7, 'c09bbfa5-a081-4194-9dd2-31f3cc3fabcc', 'SecretId', 'secretid', 'Thycotic Secret ID', 1, TRUE),
    (8, 'c09bbfa5-a081-4194-9dd2-31f3cc3fabcc', 'RuleKey', 'rulekey', 'Rule Key', 2, FALSE),
    (9, '54ebf9ac-a1e4-48ae-b16e-1bfb9755465c', 'SecretName', 'secretname', 'Secret Reference Name', 1, TRUE);

CREATE TABLE provider (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    type_id TEXT NOT NULL REFERENCES provider_type (id),
    area INTEGER NOT NULL,
    secured_area_id INTEGER,
    remote BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX provider_by_type ON provider (type_id);

-- value is NULL for a secret, which is sealed in the table of secrets; instance_guid is shown instead.
CREATE TABLE provider_value (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    provider_id INTEGER NOT NULL REFERENCES provider (id),
    parameter_id INTEGER NOT NULL REFERENCES provider_type_parameter (id),
    value TEXT,
    instance_id INTEGER,
    instance_guid TEXT,
    UNIQUE (provider_id, parameter_id)
);

-- Entries of local providers. Their secrets are in the table of secrets.
CREATE TABLE provider_entry (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    provider_id INTEGER NOT NULL REFERENCES provider (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT,
    description_key TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (provider_id, name_key)
);

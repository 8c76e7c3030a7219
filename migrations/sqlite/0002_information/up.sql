-- Protected information: a text of its own, sealed in the table of secrets.
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

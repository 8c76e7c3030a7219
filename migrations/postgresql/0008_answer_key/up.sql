-- The public key under which the secrets in a client's answers are encrypted. The private one is never here.
CREATE TABLE answer_key (
    authorization_id INTEGER NOT NULL PRIMARY KEY REFERENCES "authorization" (id),
    form TEXT NOT NULL,
    public_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

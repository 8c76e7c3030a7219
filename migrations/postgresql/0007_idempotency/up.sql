-- What a request with an idempotency key did, so that its repetition is answered alike and does nothing. Key and
-- request are kept as MACs: a request may hold a password that is easily guessed.
CREATE TABLE idempotency (
    authorization_id INTEGER NOT NULL REFERENCES "authorization" (id),
    key_mac BYTEA NOT NULL,
    request_mac BYTEA NOT NULL,
    done TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (authorization_id, key_mac)
);
CREATE INDEX idempotency_created ON idempotency (created_at);

-- What belongs to an SSH key beside its row in the table of credentials. The private key and its passphrase are in
-- the table of secrets; the facts (algorithm, bits, fingerprint, comment) are read off the public key.
CREATE TABLE ssh_key (
    credential_id INTEGER NOT NULL PRIMARY KEY REFERENCES credential (id),
    key_name TEXT NOT NULL,
    public_key TEXT NOT NULL
);

-- Further devices that the key opens.
CREATE TABLE ssh_key_device (
    credential_id INTEGER NOT NULL REFERENCES credential (id),
    device_id INTEGER NOT NULL REFERENCES device (id),
    PRIMARY KEY (credential_id, device_id)
);

DELETE FROM secret WHERE kind IN ('ssh_key.private_key', 'ssh_key.passphrase');
DROP TABLE ssh_key_device;
DROP TABLE ssh_key;

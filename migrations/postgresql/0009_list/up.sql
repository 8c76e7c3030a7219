-- What lists are filtered by, each in the order of the numbers, so that a page costs the same in a table of any size.
DROP INDEX credential_username;
CREATE INDEX credential_username ON credential (username, id);
CREATE INDEX credential_device ON credential (device_id, username);
CREATE INDEX credential_kind ON credential (kind, id);
CREATE INDEX credential_type ON credential (credential_type, id);
CREATE INDEX credential_inactive ON credential (id) WHERE NOT active;
CREATE INDEX device_ip ON device (ip, id);
CREATE INDEX device_kind ON device (kind, id);
CREATE INDEX device_inactive ON device (id) WHERE NOT active;
CREATE INDEX information_kind ON information (kind, id);

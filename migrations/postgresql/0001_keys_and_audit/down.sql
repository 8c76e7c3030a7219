DROP TABLE audit_record;
DROP TABLE audit_checkpoint;
DROP TABLE audit_chain;
DROP TABLE transit_key;
DROP TABLE signing_key;
DROP TABLE data_key;
DROP TABLE change_mark;
DROP TABLE vault_meta;

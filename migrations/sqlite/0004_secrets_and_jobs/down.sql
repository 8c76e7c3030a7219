DROP TABLE target_identity;
DROP TABLE rotation_event;
DROP TABLE rotation_record;
DROP TABLE job;
DROP TABLE idempotency;
DROP TABLE application_secret;
DROP TABLE secret_head;
DROP TABLE secret;

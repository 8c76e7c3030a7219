DROP TABLE job;
DROP TABLE idempotency;
DROP TABLE application_secret;
DROP TABLE secret_head;
DROP TABLE secret;

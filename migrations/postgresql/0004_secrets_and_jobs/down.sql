DROP TABLE job;
DROP TABLE idempotency;
DROP TABLE secret_head;
DROP TABLE secret;

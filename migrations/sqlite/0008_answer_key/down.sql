-- Whoever counts on encrypted answers gets none rather than plain ones.
UPDATE "authorization" SET active = FALSE WHERE id IN (SELECT authorization_id FROM answer_key);
DROP TABLE answer_key;

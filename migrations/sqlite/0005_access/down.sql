DELETE FROM authorization_link WHERE object_kind = 'tag';
DROP TABLE tagging;
DELETE FROM lookup WHERE kind = 'tag';
ALTER TABLE "authorization" DROP COLUMN certificates;
ALTER TABLE "authorization" DROP COLUMN referers;

-- The rest of what an authorization can demand and see.

-- Lists separated by commas; an empty one demands nothing.
ALTER TABLE "authorization" ADD COLUMN referers TEXT NOT NULL DEFAULT '';
ALTER TABLE "authorization" ADD COLUMN certificates TEXT NOT NULL DEFAULT '';

-- Which tag stands on which object, so that a tag can be linked and looked for. The rows of the objects carry the
-- text that is shown; the names of the tags are lookup values of the kind 'tag'.
CREATE TABLE tagging (
    object_kind TEXT NOT NULL,
    object_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL REFERENCES lookup (id),
    PRIMARY KEY (object_kind, object_id, tag_id)
);
CREATE INDEX tagging_tag ON tagging (tag_id, object_kind, object_id);

-- The tags that are there already.
CREATE TEMPORARY TABLE tagged AS
SELECT object_kind, object_id, trim(tag) AS tag
FROM (
    SELECT 'device' AS object_kind, id AS object_id, unnest(string_to_array(tags, ',')) AS tag FROM device
    UNION ALL
    SELECT 'credential', id, unnest(string_to_array(tags, ',')) FROM credential
) AS part
WHERE trim(tag) <> '';
INSERT INTO lookup (kind, name, name_key) SELECT 'tag', min(tag), lower(tag) FROM tagged GROUP BY lower(tag);
INSERT INTO tagging (object_kind, object_id, tag_id)
SELECT DISTINCT tagged.object_kind, tagged.object_id, lookup.id
FROM tagged JOIN lookup ON lookup.kind = 'tag' AND lookup.name_key = lower(tagged.tag);
DROP TABLE tagged;

DELETE FROM secret WHERE kind = 'information.content';
DELETE FROM authorization_link WHERE object_kind = 'information';
DROP TABLE information;

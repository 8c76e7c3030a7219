ALTER TABLE credential DROP COLUMN exclusive_custody;

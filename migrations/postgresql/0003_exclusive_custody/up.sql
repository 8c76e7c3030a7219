-- Whether only one client may hold the credential at a time; NULL is as the settings say.
ALTER TABLE credential ADD COLUMN exclusive_custody BOOLEAN;

-- When all is well: the secrets in clear go, also from the pages of the file.
--     sqlite3 site.db < from_pyotp.sql

ALTER TABLE users DROP COLUMN totp_secret;
VACUUM;

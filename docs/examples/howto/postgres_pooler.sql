-- What the store would set on a connection of its own.
ALTER ROLE totpcore_app SET default_transaction_isolation = 'read committed';
ALTER ROLE totpcore_app SET default_transaction_read_only = off;
ALTER ROLE totpcore_app SET synchronous_commit = on;
ALTER ROLE totpcore_app SET row_security = off;
ALTER ROLE totpcore_app SET statement_timeout = '30s';
ALTER ROLE totpcore_app SET lock_timeout = '30s';

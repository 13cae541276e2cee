-- On the primary, as superuser. A standby's name is the application_name in its
-- primary_conninfo.
ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (standby_1, standby_2)';
ALTER SYSTEM SET synchronous_commit = on;
SELECT pg_reload_conf();

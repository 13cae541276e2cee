-- In the application's database, as somebody who may make roles and schemas:
--     psql "$ADMIN_URL" --set=ON_ERROR_STOP=1 --file=postgres_role.sql
-- and give the role a password afterwards: \password totpcore_app

CREATE ROLE totpcore_owner NOLOGIN;
CREATE ROLE totpcore_app LOGIN;

CREATE SCHEMA second_factors AUTHORIZATION totpcore_owner;
SET ROLE totpcore_owner;
CREATE TABLE IF NOT EXISTS second_factors.totpcore
    (user_id text COLLATE "C" PRIMARY KEY, value bytea NOT NULL);
GRANT USAGE ON SCHEMA second_factors TO totpcore_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON second_factors.totpcore TO totpcore_app;
RESET ROLE;

-- Rights of the service's two roles on tables that the owner has made and will make.
GRANT USAGE ON SCHEMA public TO {app}, {app}_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}, {app}_system;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {app}, {app}_system;

ALTER DEFAULT PRIVILEGES IN SCHEMA public
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}, {app}_system;

ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {app}, {app}_system;

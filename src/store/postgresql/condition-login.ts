import pg from 'pg'
import type { PostgresqlConnection } from './connect.ts'
import { translateError } from './errors.ts'

/** The login for conditions that the embedded database makes. Its socket asks for no password, its port for one that nobody has. */
const LOGIN = 'crossdock_conditions'

/**
 * Several instances may come at once: whoever is second finds it made. It reads the tables of people, those made later
 * by this superuser too, and of the catalogs what every login reads: no password hashes, and no files.
 */
const MAKE = `DO $$ DECLARE
  own text;
BEGIN
  PERFORM pg_advisory_xact_lock(7305517290115436);
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${LOGIN}') THEN
    CREATE ROLE ${LOGIN} LOGIN;
  END IF;
  IF pg_has_role('${LOGIN}', 'pg_read_all_data', 'MEMBER') THEN
    REVOKE pg_read_all_data FROM ${LOGIN};
  END IF;
  FOR own IN SELECT nspname FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ${LOGIN}', own);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO ${LOGIN}', own);
  END LOOP;
  ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO ${LOGIN};
  ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${LOGIN};
END $$`

/**
 * Makes a login that can SELECT and nothing else, where there is none, and returns its name.
 * @param connection of a superuser
 * @throws CrossdockError of the store
 */
export async function makeConditionLogin(connection: PostgresqlConnection): Promise<string> {
  const client = new pg.Client({ application_name: 'crossdock', ...connection })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(MAKE)
    return LOGIN
  } catch (error) {
    throw translateError(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

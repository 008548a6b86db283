import pg from 'pg'

/** One statement on a connection of its own. */
export async function query<Row extends object = Record<string, unknown>>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text, [...values])).rows
  } finally {
    await client.end()
  }
}

const FACTS = {
  columns: `SELECT table_name, column_name, ordinal_position, data_type, character_maximum_length,
      column_default, is_nullable, is_identity, identity_generation, generation_expression
    FROM information_schema.columns WHERE table_schema = $1 ORDER BY table_name, ordinal_position`,
  indexes: `SELECT indexname, replace(indexdef, schemaname || '.', '') AS definition
    FROM pg_indexes WHERE schemaname = $1 ORDER BY indexname`,
  triggers: `SELECT tgname, tgrelid::regclass::text AS onto, pg_get_triggerdef(t.oid, true) AS definition
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = $1 AND NOT tgisinternal ORDER BY onto, tgname`,
  constraints: `SELECT conname, pg_get_constraintdef(k.oid) AS definition
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = connamespace
    WHERE nspname = $1 ORDER BY conname`,
  functions: `SELECT proname, prosrc FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
    WHERE nspname = $1 ORDER BY proname`,
  options: `SELECT relname, reloptions FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = $1 AND relkind IN ('r', 'S') ORDER BY relname`,
}

/** All that a migration makes in a schema. */
export async function schemaFacts(url: string, schema = 'public'): Promise<object> {
  const facts = Object.entries(FACTS).map(async ([name, text]) => [
    name,
    await query(url, text, [schema]),
  ])
  return Object.fromEntries((await Promise.all(facts)) as [string, unknown][])
}

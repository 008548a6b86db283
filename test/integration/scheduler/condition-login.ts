import type { Conditions } from '../../../src/ports/conditions.ts'
import { createMysqlConditions } from '../../../src/store/mysql/conditions.ts'
import { createPostgresqlConditions } from '../../../src/store/postgresql/conditions.ts'
import type { TargetDatabase } from '../../conformance/store/target.ts'

/** A login of a test database that can only SELECT. */
export interface ConditionLogin {
  open(options: {
    readonly limitMs: number
    /** With the login of the tables instead. */
    readonly asOwner?: boolean
    readonly unsafe?: boolean
  }): Conditions
  /** How many of its connections the server works for. */
  busy(): Promise<number>
  drop(): Promise<void>
}

const PASSWORD = 'reads-only'

/** Makes one; the statements are those of docs/sql.md. */
export async function conditionLogin(database: TargetDatabase): Promise<ConditionLogin> {
  const url = new URL(database.url)
  const isMysql = !url.protocol.startsWith('postgres')
  const name = `reads_${Math.random().toString(36).slice(2, 10)}`
  const schema = url.pathname.slice(1)
  if (isMysql) {
    await database.sql(`CREATE USER '${name}'@'%' IDENTIFIED BY '${PASSWORD}'`)
    await database.sql(`GRANT SELECT ON \`${schema}\`.* TO '${name}'@'%'`)
  } else {
    await database.sql(`CREATE ROLE ${name} LOGIN PASSWORD '${PASSWORD}'`)
    await database.sql(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${name}`)
  }
  const own = new URL(database.url)
  own.username = name
  own.password = PASSWORD
  return {
    open: ({ limitMs, asOwner = false, unsafe = false }) => {
      const address = asOwner ? database.url : own.href
      return isMysql
        ? createMysqlConditions({ connection: { uri: address }, unsafe, limitMs })
        : createPostgresqlConditions({
            connection: { connectionString: address },
            schema: 'public',
            unsafe,
            limitMs,
          })
    },
    busy: async () => {
      const [row] = await database.sql(
        isMysql
          ? `SELECT count(*) AS n FROM information_schema.processlist WHERE user = '${name}'`
          : `SELECT count(*) AS n FROM pg_stat_activity WHERE usename = '${name}'`,
      )
      return Number(row!['n'])
    },
    drop: async () => {
      if (isMysql) await database.sql(`DROP USER '${name}'@'%'`)
      else {
        await database.sql(`DROP OWNED BY ${name}`)
        await database.sql(`DROP ROLE ${name}`)
      }
    },
  }
}

import type { Configuration } from '../config/configuration.ts'
import type { Conditions } from '../ports/conditions.ts'
import { databaseAddress, type OpenDatabase } from './open-database.ts'

/** For `lasterror` of schedules with a condition that nobody can evaluate. */
const NO_LOGIN =
  'it has a condition, and no login to evaluate it with: set database.condition_url to one that can only SELECT' +
  ' (or database.allow_unsafe_conditions to true)'

/** What evaluates conditions of schedules, with the login that the configuration gives; a text: why nothing can. */
export async function openConditions(
  database: OpenDatabase,
  { database: settings }: Configuration,
): Promise<Conditions | string> {
  const { schema, conditionUrl } = settings
  const isEmbedded = settings.type === 'embedded'
  const unsafe = conditionUrl === undefined && !isEmbedded
  if (unsafe && !settings.allowUnsafeConditions) return NO_LOGIN
  if (database.dialect === 'mysql') {
    const { createMysqlConditions } = await import('../store/mysql/conditions.ts')
    if (conditionUrl === undefined) {
      return createMysqlConditions({ connection: database.connection, unsafe })
    }
    const given = databaseAddress(conditionUrl, settings)
    return given.dialect === 'mysql'
      ? createMysqlConditions({ connection: given.connection, unsafe })
      : NO_LOGIN
  }
  const { createPostgresqlConditions } = await import('../store/postgresql/conditions.ts')
  if (conditionUrl !== undefined) {
    const given = databaseAddress(conditionUrl, settings)
    return given.dialect === 'postgresql'
      ? createPostgresqlConditions({ connection: given.connection, schema, unsafe })
      : NO_LOGIN
  }
  const own = database.directConnection ?? database.connection
  if (!isEmbedded) return createPostgresqlConditions({ connection: own, schema, unsafe })
  const { makeConditionLogin } = await import('../store/postgresql/condition-login.ts')
  const connection = { ...own, user: await makeConditionLogin(own) }
  return createPostgresqlConditions({ connection, schema, unsafe })
}

import { mysqlTarget } from '../conformance/store/mysql-target.ts'
import { postgresqlTarget } from '../conformance/store/postgresql-target.ts'
import { sharedMariadb, sharedPostgresql } from '../services/shared-servers.ts'

/** Both databases, on servers that every file of this process uses: one of its own would be stopped under the next file. */
export const SHARED_TARGETS = [
  postgresqlTarget('postgresql', sharedPostgresql),
  mysqlTarget('mariadb', sharedMariadb),
] as const

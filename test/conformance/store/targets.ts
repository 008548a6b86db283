import { startEmbeddedService } from '../../services/embedded.ts'
import { startMariadb, startMysql } from '../../services/mariadb.ts'
import { startPostgresql } from '../../services/postgresql.ts'
import { mysqlTarget } from './mysql-target.ts'
import { postgresqlTarget } from './postgresql-target.ts'
import type { Target } from './target.ts'

/** Every database that the suites run on; each has a test file of its name beside this one. */
export const TARGETS = {
  postgresql: postgresqlTarget('postgresql', () => startPostgresql()),
  embedded: postgresqlTarget('embedded', startEmbeddedService),
  mariadb: mysqlTarget('mariadb', () => startMariadb()),
  mysql: mysqlTarget('mysql', startMysql),
} satisfies Record<string, Target>

import { startEmbeddedService } from '../../services/embedded.ts'
import { startMariadb, startMysql } from '../../services/mariadb.ts'
import { startPostgresql } from '../../services/postgresql.ts'
import { sharedMariadb, sharedPostgresql } from '../../services/shared-servers.ts'
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

/** The same on servers that the files of one process share: for what neither kills one nor changes its settings. */
export const SHARED_TARGETS = {
  postgresql: postgresqlTarget('postgresql', sharedPostgresql),
  mariadb: mysqlTarget('mariadb', sharedMariadb),
} satisfies Record<string, Target>

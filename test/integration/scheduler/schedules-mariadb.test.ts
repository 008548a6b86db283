import { describe } from 'vitest'
import { mysqlTarget } from '../../conformance/store/mysql-target.ts'
import { sharedMariadb } from '../../services/shared-servers.ts'
import { schedulesSuite } from './schedules.suite.ts'

describe('schedules on mariadb', () => {
  schedulesSuite(mysqlTarget('mariadb', sharedMariadb), {
    checkIntervalMs: 400,
    noticedMs: 1_400,
  })
})

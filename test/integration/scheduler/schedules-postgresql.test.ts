import { describe } from 'vitest'
import { postgresqlTarget } from '../../conformance/store/postgresql-target.ts'
import { sharedPostgresql } from '../../services/shared-servers.ts'
import { schedulesSuite } from './schedules.suite.ts'

describe('schedules on postgresql', () => {
  schedulesSuite(postgresqlTarget('postgresql', sharedPostgresql), {
    // It is told.
    checkIntervalMs: 60_000,
    noticedMs: 1_000,
  })
})

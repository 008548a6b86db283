import type { Sabotage } from '../sabotage.ts'

const STORE = 'test/conformance/store/postgresql.test.ts'
const MARIADB = 'test/conformance/store/mariadb.test.ts'

/** Schedules. */
export const schedulerSabotages: readonly Sabotage[] = [
  {
    name: '6: one job for each tick',
    file: 'migrations/postgresql/0001_tables.sql',
    line: 'CREATE UNIQUE INDEX queue_jobs_tick',
    instead: 'CREATE INDEX queue_jobs_tick',
    testFile: STORE,
    test: 'make no second job of a tick that has one, and move on all the same',
  },
  {
    name: '6: a tick fires only where its schedule is what was read',
    file: 'src/store/postgresql/schedule-statements.ts',
    line: '`s.modifiedon = d.modifiedon::timestamptz\n          AND s.nextrunat IS NOT DISTINCT FROM d.nextrunat::timestamptz`',
    instead: '`true`',
    testFile: STORE,
    test: 'fire nothing where the next tick is not any more what was read, by a microsecond',
  },
  {
    name: '6: a changed schedule has no next tick of before',
    file: 'migrations/postgresql/0003_schedules.sql',
    line: 'NEW.nextrunat := NULL;',
    instead: '',
    testFile: STORE,
    test: 'have no next tick any more once their cronexpression is another',
    long: true,
  },
  {
    name: '6: a tick that skips makes no job',
    file: 'src/store/postgresql/schedule-statements.ts',
    line: `SELECT id FROM last WHERE overlappolicy = 'skip' UNION ALL SELECT id FROM merged`,
    instead: 'SELECT id FROM merged',
    testFile: STORE,
    test: 'make none while the last one has not ended, where they skip',
  },
  {
    name: '6: a declaration leaves alone what SQL changed',
    file: 'src/store/declare-schedules.ts',
    line: 'row[name] === known[name] && ',
    instead: '',
    testFile: STORE,
    test: 'without undoing what SQL changed: pausing, other times, or all of it',
  },
  {
    name: '6: a scheduler looks on until nothing is due',
    file: 'src/scheduler/scheduler.ts',
    line: 'return done > 0 ? 0 : Math.min(nextMs, pause(blocked, LONGEST_PAUSE_MS))',
    instead: 'return done > 0 ? 0 : nextMs',
    testFile: 'test/unit/scheduler/scheduler.test.ts',
    test: 'comes back soon, and not at once, to what others have locked',
  },
  {
    name: '6: on MariaDB too a tick fires only where its schedule is what was read',
    file: 'src/store/mysql/lock-schedules.ts',
    line: 'return nextrunat === version?.nextRunAt && modifiedon === version.modifiedOn',
    instead: 'return version !== undefined',
    testFile: MARIADB,
    test: 'fire nothing where the next tick is not any more what was read, by a microsecond',
    long: true,
  },
  {
    name: '6: on MariaDB a tick that has its job moves its schedule alone',
    file: 'src/store/mysql/fire-schedules.ts',
    line: 'fireIn(run, database, ticks, repeat > 0)',
    instead: 'fireIn(run, database, ticks, false)',
    testFile: MARIADB,
    test: 'make no second job of a tick that has one, and move on all the same',
    long: true,
  },
  {
    name: '6: what an instance passed over is not left to those who hold the rest',
    file: 'src/scheduler/round.ts',
    line: 'result.jumped && result.done === 0 && !isStopped()',
    instead: 'false',
    testFile: 'test/unit/scheduler/scheduler.test.ts',
    test: 'does not wait for others where what it passed over is free',
  },
  {
    name: '14: the scheduler decides by the clock of the database',
    file: 'src/scheduler/round.ts',
    line: 'const decision = decide(schedule, { ...options.moment, now, noticeMs })',
    instead: 'const decision = decide(schedule, { ...options.moment, now: Date.now(), noticeMs })',
    testFile: 'test/integration/scheduler/program.test.ts',
    test: 'fires each tick once by the clock of the database',
    long: true,
  },
]

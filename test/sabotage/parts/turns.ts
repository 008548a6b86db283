import type { Sabotage } from '../sabotage.ts'

const STORE = 'test/conformance/store/postgresql.test.ts'

/** Order per key, and locks. */
export const turnsSabotages: readonly Sabotage[] = [
  {
    name: '7: the database lets one job of a key have its turn',
    file: 'migrations/postgresql/0004_turns.sql',
    line: 'CREATE UNIQUE INDEX queue_jobs_turn',
    instead: 'CREATE INDEX queue_jobs_turn',
    testFile: STORE,
    test: 'that looked before a late commit and after it cannot both give',
  },
  {
    name: '7: who waits for his time holds his key',
    file: 'src/store/postgresql/turns.ts',
    line: "const PLACE = '(CASE WHEN j.statusid IN (1, 7) THEN j.seq ELSE 0 END)'",
    instead:
      "const PLACE = '(CASE WHEN j.statusid IN (1, 7) THEN j.seq + (j.statusid - 1) * 1000000 ELSE 0 END)'",
    testFile: STORE,
    test: 'are held by one that waits for its time, which then waits for its turn',
  },
  {
    name: '7: a row that SQL makes ready waits for its turn',
    file: 'migrations/mysql/0009_lighter_rows.sql',
    line: 'WHEN NEW.statusid IN (0, 2) THEN 1',
    instead: 'WHEN false THEN 1',
    testFile: 'test/conformance/store/mariadb.test.ts',
    test: 'is not made ready by hand',
    long: true,
  },
  {
    name: '7: the lowest seq of a lane is its head',
    file: 'src/store/mysql/turns.ts',
    line: 'WHERE w.turnlane = lane.name ORDER BY w.seq LIMIT 1)',
    instead: 'WHERE w.turnlane = lane.name ORDER BY w.seq DESC LIMIT 1)',
    testFile: 'test/conformance/store/mariadb.test.ts',
    test: 'run one at a time in the order of arrival, whatever their priority',
  },
  {
    name: '7: who waited for his time waits for his turn then',
    file: 'src/store/postgresql/promote.ts',
    line: 'j.orderingkey IS NOT NULL THEN 1 ELSE 0 END',
    instead: 'j.orderingkey IS NOT NULL THEN 0 ELSE 0 END',
    testFile: STORE,
    test: 'are held by one that waits for its time, which then waits for its turn',
    long: true,
  },
  {
    name: '8: what is due later waits',
    file: 'migrations/postgresql/0004_turns.sql',
    line: '    NEW.statusid := 7;\n',
    instead: '    NEW.statusid := 0;\n',
    testFile: STORE,
    test: 'is Scheduled where it says Pending and a later time, or Queued and a later time',
  },
  {
    name: '11: a claim is let through without Redis',
    file: 'src/locks/redis/job-locks.ts',
    line: "verdicts === undefined ? keys : keys.filter((_key, index) => verdicts[index] === 'ours')",
    instead: "keys.filter((_key, index) => verdicts?.[index] === 'ours')",
    testFile: 'test/integration/redis/outages.test.ts',
    test: 'was never there, every claim is let through at once',
    long: true,
  },
  {
    name: '11: a Redis that does not answer is waited for once',
    file: 'src/locks/redis/node.ts',
    line: 'goDown(`no answer within ${Math.round(limitMs)} ms`)',
    instead: '',
    testFile: 'test/integration/redis/outages.test.ts',
    test: 'does not answer, one claim waits a moment for it',
    long: true,
  },
]

/** One line that keeps an invariant, and the test that must fail without it. */
export interface Sabotage {
  /** The invariant of docs/architecture.md, by its number, and what the line does for it. */
  readonly name: string
  readonly file: string
  /** Stands in the file exactly once. */
  readonly line: string
  /** What takes its place; mostly nothing. */
  readonly instead: string
  readonly testFile: string
  /** A part of the full name of the test. */
  readonly test: string
}

const STORE = 'test/conformance/store/postgresql.test.ts'

/** It grows with every invariant. The order is the invariants'. */
export const sabotages: readonly Sabotage[] = [
  {
    name: '1: the HTTP answer waits for the delivery',
    file: 'adapters/http/index.ts',
    line: "const [delivery] = await sink.deliver([message.value], { onInvalid: 'reject' })",
    instead:
      "void sink.deliver([message.value], { onInvalid: 'reject' }).catch(() => undefined)\n    const [delivery] = [{ outcome: 'stored' as const, jobId: '1' }]",
    testFile: 'test/unit/http/adapter.test.ts',
    test: '202 only after deliver has resolved',
  },
  {
    name: '1: the group commit waits for the INSERT',
    file: 'src/ingest/group-commit.ts',
    line: 'outcomes = await store.insertJobs({ jobs: group.map((entry) => entry.job), again })',
    instead:
      "void store.insertJobs({ jobs: group.map((entry) => entry.job), again }).catch(() => undefined)\n      outcomes = group.map((entry) => ({ outcome: 'stored' as const, jobId: entry.job.id }))",
    testFile: 'test/unit/ingest/group-commit.test.ts',
    test: 'that comes alone waits for nobody, and is acknowledged after its commit',
  },
  {
    name: '2: one row for each inbox key',
    file: 'migrations/postgresql/0001_tables.sql',
    line: 'CREATE UNIQUE INDEX queue_jobs_dedupekey',
    instead: 'CREATE INDEX queue_jobs_dedupekey',
    testFile: STORE,
    test: 'stores one of many that come at once with the same key',
  },
  {
    name: '2: a group whose answer was lost is sent again as such',
    file: 'src/ingest/group-commit.ts',
    line: 'const again = group.some((entry) => entry.uncertain)',
    instead: 'const again = false',
    testFile: 'test/unit/ingest/group-commit-trouble.test.ts',
    test: 'rows are sent again under their ids, as sent before, until it is back',
  },
  {
    name: '3: the completion raises when it ended nothing',
    file: 'src/store/postgresql/settle.ts',
    line: 'SELECT ${names.mustHold}((SELECT count(*) FROM ended), $17::text)',
    instead: 'SELECT (SELECT count(*) FROM ended) + length($17::text)',
    testFile: STORE,
    test: 'do not commit once the lease is lost',
  },
  {
    name: '3: a transaction of another token is not the one begun',
    file: 'migrations/postgresql/0001_tables.sql',
    line: "IF current_setting('crossdock.transaction', true) IS DISTINCT FROM token THEN",
    instead: 'IF false THEN',
    testFile: STORE,
    test: 'are found out when the handler has sent COMMIT itself',
  },
  {
    name: '3: a transaction that failed unnoticed is told',
    file: 'src/store/postgresql/transaction.ts',
    line: "await held.query('ROLLBACK').then(",
    instead: "await held.query('COMMIT').then(",
    testFile: STORE,
    test: 'are undone by a rollback, which may come twice',
  },
  {
    name: '4: only the holder of the epoch ends an execution',
    file: 'src/store/postgresql/settle.ts',
    line: 'AND j.leaseepoch = d.epoch AND j.statusid + 0 = 2',
    instead: 'AND j.statusid + 0 = 2',
    testFile: STORE,
    test: 'writes nothing for an epoch that is not the row’s',
  },
  {
    name: '4: an execution has one history row',
    file: 'migrations/postgresql/0001_tables.sql',
    line: 'CONSTRAINT job_histories_execution UNIQUE (jobid, leaseepoch),',
    instead: 'CONSTRAINT job_histories_execution CHECK (leaseepoch IS NOT NULL),',
    testFile: STORE,
    test: 'has one history row for an execution, by the database’s own rule',
  },
  {
    name: '5: leases are renewed',
    file: 'src/worker/held.ts',
    line: 'const kept = await store.renew({ keys, leaseMs: settings.leaseMs })',
    instead: 'const kept = await Promise.resolve(keys)',
    testFile: 'test/integration/worker/leases.test.ts',
    test: 'is kept for longer than three leases, though another instance watches',
  },
  {
    name: '5: nobody is robbed before a whole lease of one’s own connection',
    file: 'src/worker/recovery.ts',
    line: 'if (clock.monotonicMs() - unbrokenSince < settings.leaseMs) {',
    instead: 'if (clock.monotonicMs() < 0) {',
    testFile: 'test/integration/worker/leases.test.ts',
    test: 'are not touched before a whole lease has passed',
  },
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
    name: '8: what is due later waits',
    file: 'migrations/postgresql/0001_tables.sql',
    line: '    NEW.statusid := 7;\n',
    instead: '    NEW.statusid := 0;\n',
    testFile: STORE,
    test: 'is Scheduled where it says Pending and a later time, or Queued and a later time',
  },
  {
    name: '8: nothing is promoted early',
    file: 'src/store/postgresql/promote.ts',
    line: 'AND scheduledat <= statement_timestamp()',
    instead: '',
    testFile: STORE,
    test: 'makes what is due ready, and nothing early',
  },
  {
    name: '8: a claim passes over what another one has',
    file: 'src/store/postgresql/claim.ts',
    line: 'ORDER BY claimrank, seq LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED',
    instead: 'ORDER BY claimrank, seq LIMIT $4 FOR NO KEY UPDATE',
    testFile: STORE,
    test: 'passes over a job that somebody has locked, and does not wait for it',
  },
  {
    name: '9: what was asked to stop does not commit',
    file: 'src/store/postgresql/settle.ts',
    line: 'AND (NOT j.cancelrequested OR d.statusid = 6)',
    instead: '',
    testFile: STORE,
    test: 'do not commit once the job was asked to stop',
  },
  {
    name: '10: a shutdown gives back what has not begun',
    file: 'src/worker/pool.ts',
    line: '      retry?.cancel()\n      giveBack(waiting.splice(0))',
    instead: '      retry?.cancel()',
    testFile: 'test/integration/worker/stopping.test.ts',
    test: 'lets running handlers finish, and gives back at once what has not begun',
  },
  {
    name: '13: a bad row stands alone',
    file: 'src/ingest/group-commit.ts',
    line: '} else if (group.length > 1) {',
    instead: '} else if (group.length > 1_000_000) {',
    testFile: 'test/unit/ingest/group-commit-trouble.test.ts',
    test: 'is found by halving, and is the only one that rejects',
  },
  {
    name: '13: a handler that does not listen loses its slot',
    file: 'src/worker/run-job.ts',
    line: '            reject(abort.signal.reason as Error)',
    instead: '            void abort.signal.reason',
    testFile: 'test/integration/worker/time-limits.test.ts',
    test: 'loses its slot after the grace period when it does not listen, and can commit nothing later',
  },
  {
    name: '5: an instance does not take its own jobs',
    file: 'src/worker/recovery.ts',
    line: 'if (isHeldHere(job)) return undefined',
    instead: '',
    testFile: 'test/integration/worker/locks.test.ts',
    test: 'holds up nobody else’s end, and is ended once the lock has gone, beyond the lease too',
  },
  {
    name: '13: a key that somebody has goes beside the others',
    file: 'src/ingest/group-commit.ts',
    line: "} else if (isCrossdockError(error, 'database_locked') && !beside) {",
    instead: "} else if (isCrossdockError(error, 'database_unavailable') && !beside) {",
    testFile: 'test/integration/worker/locks.test.ts',
    test: 'holds up no other message',
  },
  {
    name: '4: a connection that a handler keeps does nothing after its transaction',
    file: 'src/store/postgresql/transaction.ts',
    line: 'client: async () => lend(await connection()),',
    instead: 'client: connection,',
    testFile: 'test/integration/worker/connections.test.ts',
    test: 'does nothing more once the handler has returned',
  },
  {
    name: '5: a lease that a lock kept from being renewed is not lost',
    file: 'src/worker/held.ts',
    line: 'for (const key of missing.length > 0 ? await store.stillHeld(missing) : []) found.add(key.jobId)',
    instead: '',
    testFile: 'test/integration/worker/locks.test.ts',
    test: 'is the handler’s own where it updates its job, which is still completed once',
  },
  {
    name: '12: a server that does not answer is out of reach',
    file: 'src/store/postgresql/connect.ts',
    line: 'query_timeout: ANSWER_LIMIT_MS,',
    instead: '',
    testFile: 'test/integration/worker/silent-server.test.ts',
    test: 'a server that falls silent with its connections open is out of reach within seconds',
  },
  {
    name: '13: a handler that brings instances down uses up its attempts',
    file: 'src/worker/workers.ts',
    line: 'faulty ? crashedError() : stoppingError()',
    instead: 'stoppingError()',
    testFile: 'test/integration/worker/crashes.test.ts',
    test: 'a handler that still runs when an exception ends its instance has failed an attempt',
  },
]

import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../test/services/program-database.ts'
import { processorTime } from './processor-time.ts'
import { startSchedulers } from './scheduler-processes.ts'

/**
 * Schedules that fall due in one second, inserted beforehand by plain SQL, fired by several processes of the
 * program that sleep until then. `bench/README.md` says what is printed.
 * CROSSDOCK_BENCH_DATABASE: `postgresql`, `mariadb`; default both. CROSSDOCK_BENCH_OVERLAP: default
 * `allow,skip,queue`. CROSSDOCK_BENCH_SCHEDULES: default 10,000. CROSSDOCK_BENCH_ROUNDS: default 1.
 * CROSSDOCK_BENCH_INSTANCES: default 3.
 */
const SCHEDULES = Number(process.env['CROSSDOCK_BENCH_SCHEDULES'] ?? 10_000)
const ROUNDS = Number(process.env['CROSSDOCK_BENCH_ROUNDS'] ?? 1)
const INSTANCES = Number(process.env['CROSSDOCK_BENCH_INSTANCES'] ?? 3)
const POLICIES = (process.env['CROSSDOCK_BENCH_OVERLAP'] ?? 'allow,skip,queue').split(',')
const DATABASES = {
  postgresql: { open: PROGRAM_DATABASES.PostgreSQL, now: 'clock_timestamp()' },
  mariadb: { open: PROGRAM_DATABASES.MariaDB, now: 'UTC_TIMESTAMP(6)' },
} as const

/** From the write of the schedules to the moment at which they fall due: all have their next tick by then. */
const AHEAD_MS = 15_000

/** Rows of one INSERT. */
const ROWS = 1_000

/** After the due moment, until it is given up. */
const LIMIT_MS = 60_000

interface Bench {
  readonly database: ProgramDatabase
  /** SQL of the time now. */
  readonly now: string
}

/** The database's clock, in milliseconds since 1970. */
async function clock({ database, now }: Bench): Promise<number> {
  const [row] = await database.sql(`SELECT ${now} AS now`)
  return Number(row?.['now'])
}

/** A cron expression with seconds that fires at one moment of the year. */
function cronAt(due: number): string {
  const at = new Date(due)
  const time = [at.getUTCSeconds(), at.getUTCMinutes(), at.getUTCHours()]
  return [...time, at.getUTCDate(), at.getUTCMonth() + 1, '*'].join(' ')
}

/** The next whole second after `AHEAD_MS`. */
async function nextDue(bench: Bench): Promise<number> {
  return Math.ceil(((await clock(bench)) + AHEAD_MS) / 1_000) * 1_000
}

async function insert({ database }: Bench, policy: string, due: number): Promise<void> {
  for (let from = 0; from < SCHEDULES; from += ROWS) {
    const rows = Array.from({ length: Math.min(ROWS, SCHEDULES - from) }, (_, index) => {
      const name = `bench ${from + index}`
      return `('${name}', '${name}', 'bench', '${cronAt(due)}', '${policy}', '{"n":${index}}')`
    })
    await database.sql(`INSERT INTO jobs (id, name, handler, cronexpression, overlappolicy, payload)
      VALUES ${rows.join(', ')}`)
  }
}

/** Waits for the due moment and for every job of it, and says how it went. */
async function measure(bench: Bench, what: string, due: number): Promise<void> {
  const { database } = bench
  const at = new Date(due).toISOString().replace('T', ' ').replace('Z', '')
  const count = async (condition: string): Promise<number> => {
    const [row] = await database.sql(
      `SELECT count(*) AS n FROM jobs WHERE handler = 'bench' AND ${condition}`,
    )
    return Number(row?.['n'])
  }
  while ((await count(`nextrunat = '${at}'`)) < SCHEDULES) {
    if ((await clock(bench)) >= due) throw new Error('the next ticks were not known in time')
    await delay(200)
  }
  await delay(Math.max(0, due - (await clock(bench))))
  const before = processorTime()
  let seen: number
  for (;;) {
    const [row] = await database.sql(`SELECT ${bench.now} AS now,
      (SELECT count(*) FROM queue_jobs WHERE handler = 'bench' AND scheduledfor = '${at}') AS n`)
    seen = Number(row?.['now']) - due
    if (Number(row?.['n']) >= SCHEDULES || seen > LIMIT_MS) break
    await delay(50)
  }
  const used = [...processorTime()]
    .map(([process, seconds]) => [process, seconds - (before.get(process) ?? 0)] as const)
    .filter(([, seconds]) => seconds >= 0.01)
    .map(([process, seconds]) => `${process} ${seconds.toFixed(2)}`)
  // The times of a statement's rows are that of its begin on MariaDB, so the moment at which all can be read stands beside.
  const jobs = await database.sql(
    `SELECT scheduledjobid AS id, createdon AS at FROM queue_jobs
      WHERE handler = 'bench' AND scheduledfor = '${at}'`,
  )
  const latencies = jobs.map((job) => Number(job['at']) - due).sort((a, b) => a - b)
  const part = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN
  const moved = await count(`executioncount > 0 AND nextrunat > '${at}'`)
  const once = new Set(jobs.map(({ id }) => String(id))).size
  const isExact = once === SCHEDULES && jobs.length === SCHEDULES && moved === SCHEDULES
  process.stdout.write(
    `${what}: last insert ${part(1)} ms, all there ${Math.round(seen)} ms, p50 ${part(0.5)} ms, p99 ${part(0.99)} ms; ` +
      `${isExact ? 'each fired once' : `NOT ONCE EACH: ${jobs.length} jobs of ${once}, ${moved} moved on`}; ` +
      `processor seconds: ${used.join(', ')}; load ${loadavg()[0]?.toFixed(1) ?? ''}\n`,
  )
  if (!isExact) process.exitCode = 1
}

async function round(name: keyof typeof DATABASES, policy: string): Promise<void> {
  const { open, now } = DATABASES[name]
  const database = await open()
  if (database === undefined) throw new Error(`${name} is not available`)
  const bench: Bench = { database, now }
  const schedulers = await startSchedulers(database.url, INSTANCES)
  try {
    const due = await nextDue(bench)
    await insert(bench, policy, due)
    await measure(bench, `${name}, ${policy}`, due)
    // Once more, where each schedule has a job before, which has ended.
    await database.sql(`UPDATE queue_jobs SET statusid = 3 WHERE handler = 'bench'`)
    const again = await nextDue(bench)
    await database.sql(
      `UPDATE jobs SET cronexpression = '${cronAt(again)}' WHERE handler = 'bench'`,
    )
    await measure(bench, `${name}, ${policy}, second tick`, again)
  } finally {
    process.stderr.write(await schedulers.stop())
    await database.stop()
  }
}

const asked = (process.env['CROSSDOCK_BENCH_DATABASE'] ?? 'postgresql,mariadb').split(',')
for (const name of asked) {
  if (name !== 'postgresql' && name !== 'mariadb')
    throw new Error(`${name} is no database of these`)
  for (let index = 1; index <= ROUNDS; index += 1) {
    for (const policy of POLICIES) await round(name, policy)
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import pg from 'pg'
import { v7 } from 'uuid'
import { startEmbeddedPostgres } from '../src/embedded-postgres/start.ts'
import { silentLog } from '../src/observe/log.ts'
import { migratePostgresql } from '../src/store/postgresql/migrate.ts'
import { openBareLoop } from './bare-loop.ts'
import { openCrossdock } from './crossdock-workers.ts'

/**
 * Figures beside a bare loop, in one run on one server: only the ratios count. `bench/README.md` says
 * how to read them. CROSSDOCK_BENCH_URL names a server (its login may create databases); otherwise the
 * embedded one runs in a folder of its own. CROSSDOCK_BENCH_JOBS: default 50,000.
 */
const JOBS = Number(process.env['CROSSDOCK_BENCH_JOBS'] ?? 50_000)
const TRANSACTIONS = Math.ceil(JOBS / 4)
const ROUNDS = 3

const figures = new Map<string, number[]>()

function note(name: string, value: number): void {
  figures.set(name, [...(figures.get(name) ?? []), value])
}

async function perSecond(name: string, count: number, run: () => Promise<unknown>): Promise<void> {
  const from = performance.now()
  await run()
  note(name, (count / (performance.now() - from)) * 1000)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
}

async function server(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env['CROSSDOCK_BENCH_URL']
  if (given !== undefined) return { url: given, stop: () => Promise.resolve() }
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-bench-'))
  const embedded = await startEmbeddedPostgres({ dataDir: folder, log: silentLog })
  const { host, port, user } = embedded.connection
  return {
    url: `postgresql://${user}@/postgres?host=${encodeURIComponent(host)}&port=${port}`,
    stop: async () => {
      await embedded.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

let databases = 0

/** Every measurement on a fresh database: the one before leaves nothing behind but warm caches. */
async function fresh(url: string): Promise<string> {
  databases += 1
  const name = `bench_${process.pid}_${databases}`
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.end()
  const own = url.replace(/^(\w+:\/\/[^/]*)\/[^?]*/, `$1/${name}`)
  await migratePostgresql({
    connection: { connectionString: own },
    schema: 'public',
    dryRun: false,
  })
  const client = new pg.Client({ connectionString: own })
  await client.connect()
  await client.query('CREATE TABLE bench_effects (jobid text)')
  await client.end()
  return own
}

async function round(url: string): Promise<void> {
  for (const tables of ['lean', 'migrated'] as const) {
    const bare = await openBareLoop(await fresh(url), tables, v7)
    await perSecond(`add, ${bare.name}`, JOBS, () => bare.add(JOBS))
    await perSecond(`drain, ${bare.name}`, JOBS, () => bare.drain())
    await bare.add(TRANSACTIONS)
    await perSecond(`transactions, ${bare.name}`, TRANSACTIONS, () => bare.drainInTransactions())
  }
  const ours = await openCrossdock(await fresh(url), 10)
  await perSecond('add, crossdock', JOBS, () => ours.add(JOBS, 'bench'))
  await perSecond('drain, crossdock', JOBS, () => ours.drain(JOBS))
  await ours.close()
  const sql = await openCrossdock(await fresh(url), 10)
  await sql.add(TRANSACTIONS, 'bench.sql')
  await perSecond('transactions, crossdock', TRANSACTIONS, () => sql.drain(TRANSACTIONS))
  await sql.close()
  const idle = await openCrossdock(await fresh(url), 5)
  idle.start()
  const latencies = (await idle.latency(500)).toSorted((a, b) => a - b)
  note('add to start, p50 ms', latencies[Math.floor(latencies.length * 0.5)] ?? NaN)
  note('add to start, p99 ms', latencies[Math.floor(latencies.length * 0.99)] ?? NaN)
  await idle.close()
}

const { url, stop } = await server()
// Timers of ours do not keep the process alive; this one does until the end.
const alive = setInterval(() => undefined, 60_000)
for (let index = 1; index <= ROUNDS; index += 1) {
  process.stderr.write(`round ${index} of ${ROUNDS}\n`)
  await round(url)
}
clearInterval(alive)
await stop()

process.stdout.write(`\n${JOBS} jobs, ${TRANSACTIONS} transactions, median of ${ROUNDS} rounds\n\n`)
process.stdout.write('| figure | jobs a second, or ms | all rounds |\n| --- | ---: | --- |\n')
for (const [name, values] of figures) {
  const shown = (value: number): string =>
    value < 100 ? value.toFixed(2) : Math.round(value).toString()
  process.stdout.write(`| ${name} | ${shown(median(values))} | ${values.map(shown).join(', ')} |\n`)
}
process.stdout.write('\n')
for (const kind of ['add', 'drain', 'transactions']) {
  const ours = median(figures.get(`${kind}, crossdock`) ?? [])
  for (const peer of ['bare loop, two indexes', 'bare loop, migrated tables']) {
    const ratio = ours / median(figures.get(`${kind}, ${peer}`) ?? [])
    process.stdout.write(`${kind}: ${ratio.toFixed(2)} of the ${peer}\n`)
  }
}

import { v7 } from 'uuid'
import type { BenchServer } from './bench-database.ts'
import { openCrossdock } from './crossdock-workers.ts'
import { newFigures, type Figures } from './figures.ts'
import { measurePublishing } from './publishing.ts'
import { startMariadbBench } from './server-mariadb.ts'
import { startPostgresqlBench } from './server-postgresql.ts'

/**
 * Figures beside a bare loop, in one run on one server: only the ratios count. `bench/README.md` says
 * how to read them. CROSSDOCK_BENCH_DATABASE: `postgresql` (default), `mariadb`, or both with a comma
 * between. CROSSDOCK_BENCH_URL names a server (its login may create databases) where one is asked for.
 * CROSSDOCK_BENCH_JOBS: default 50,000; CROSSDOCK_BENCH_ROUNDS: default 3.
 */
const JOBS = Number(process.env['CROSSDOCK_BENCH_JOBS'] ?? 50_000)
const TRANSACTIONS = Math.ceil(JOBS / 4)
const ROUNDS = Number(process.env['CROSSDOCK_BENCH_ROUNDS'] ?? 3)
const LATENCIES = 500

const SERVERS: Readonly<Record<string, (url: string | undefined) => Promise<BenchServer>>> = {
  postgresql: startPostgresqlBench,
  mariadb: startMariadbBench,
}

async function round(server: BenchServer, figures: Figures): Promise<void> {
  for (const tables of ['lean', 'migrated'] as const) {
    const bare = await server.openBareLoop(await server.fresh(), tables, v7)
    await figures.perSecond(`add, ${bare.name}`, JOBS, () => bare.add(JOBS))
    await figures.perSecond(`drain, ${bare.name}`, JOBS, () => bare.drain())
    await bare.add(TRANSACTIONS)
    await figures.perSecond(`transactions, ${bare.name}`, TRANSACTIONS, () =>
      bare.drainInTransactions(),
    )
    await bare.close()
  }
  const open = async (workers: number) =>
    await openCrossdock(server.address(await server.fresh()), workers)
  const ours = await open(10)
  await figures.perSecond('add, crossdock', JOBS, () => ours.add(JOBS, 'bench'))
  await ours.warmUp('bench')
  await figures.perSecond('drain, crossdock', JOBS, () => ours.drain(JOBS))
  await ours.close()
  const sql = await open(10)
  await sql.add(TRANSACTIONS, 'bench.sql')
  await sql.warmUp('bench.sql')
  await figures.perSecond('transactions, crossdock', TRANSACTIONS, () => sql.drain(TRANSACTIONS))
  await sql.close()
  await measurePublishing(server, figures, TRANSACTIONS)
  const idle = await open(5)
  idle.start()
  const latencies = (await idle.latency(LATENCIES)).toSorted((a, b) => a - b)
  figures.note('add to start, p50 ms', latencies[Math.floor(LATENCIES * 0.5)] ?? NaN)
  figures.note('add to start, p99 ms', latencies[Math.floor(LATENCIES * 0.99)] ?? NaN)
  await idle.close()
}

// Timers of ours do not keep the process alive; this one does until the end.
const alive = setInterval(() => undefined, 60_000)
try {
  for (const name of (process.env['CROSSDOCK_BENCH_DATABASE'] ?? 'postgresql').split(',')) {
    const start = SERVERS[name]
    if (start === undefined)
      throw new Error(`${name} is none of ${Object.keys(SERVERS).join(', ')}`)
    const server = await start(process.env['CROSSDOCK_BENCH_URL'])
    const figures = newFigures()
    try {
      for (let index = 1; index <= ROUNDS; index += 1) {
        process.stderr.write(`${server.name}: round ${index} of ${ROUNDS}\n`)
        await round(server, figures)
      }
    } finally {
      await server.stop()
    }
    process.stdout.write(
      figures.report(
        `${server.name}: ${JOBS} jobs, ${TRANSACTIONS} transactions, median of ${ROUNDS} rounds`,
      ),
    )
  }
} finally {
  clearInterval(alive)
}

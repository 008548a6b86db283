import pg from 'pg'
import {
  bareLoopName,
  drainOneByOne,
  type BareJob,
  type BareLoop,
  type BareTables,
} from './bare-loop.ts'

const LEAN_TABLES = `
  CREATE TABLE bare_jobs (
    id text PRIMARY KEY, seq bigint GENERATED ALWAYS AS IDENTITY, queue text NOT NULL DEFAULT 'default',
    handler text NOT NULL, payload text, statusid int NOT NULL DEFAULT 0, claimrank int NOT NULL DEFAULT 0,
    leaseepoch int NOT NULL DEFAULT 0, lockedby text, leaseexpiresat timestamptz, result text,
    startedat timestamptz, completedat timestamptz, createdon timestamptz NOT NULL DEFAULT clock_timestamp());
  CREATE INDEX bare_ready ON bare_jobs (queue, claimrank, seq) WHERE statusid = 0;
  CREATE TABLE bare_histories (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, jobid text NOT NULL, leaseepoch int NOT NULL,
    statusid int NOT NULL, startedat timestamptz, completedat timestamptz, duration bigint,
    executedby text, UNIQUE (jobid, leaseepoch));`

/** Opens the bare loop on PostgreSQL. */
export async function openBareLoop(
  url: string,
  tables: BareTables,
  makeId: () => string,
): Promise<BareLoop> {
  const options =
    '-c crossdock.quiet=on -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_sort=off -c enable_bitmapscan=off -c cpu_tuple_cost=1 -c random_page_cost=0.1 -c seq_page_cost=0.1'
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    options,
    pipeline: true,
  })
  const lean = tables === 'lean'
  const jobs = lean ? 'bare_jobs' : 'queue_jobs'
  const histories = lean ? 'bare_histories' : 'job_histories'
  const active = lean ? '' : 'AND active'
  if (lean) await pool.query(LEAN_TABLES)

  const claim = async (): Promise<readonly BareJob[]> => {
    const { rows } = await pool.query<BareJob>({
      text: `WITH picked AS MATERIALIZED (SELECT id FROM ${jobs} WHERE queue = 'default' AND statusid = 0 ${active}
        ORDER BY claimrank, seq LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
      UPDATE ${jobs} j SET statusid = 2, leaseepoch = leaseepoch + 1, lockedby = 'bare',
        leaseexpiresat = clock_timestamp() + interval '30 s'
      WHERE id = ANY (ARRAY(SELECT id FROM picked)) RETURNING id, leaseepoch, handler, payload`,
      values: [500],
    })
    return rows
  }
  // A group is planned each time, so that no plan stays that was made for an empty table.
  const complete = (rows: readonly BareJob[]) => ({
    ...(rows.length === 1 && { name: `bare_complete_${tables}` }),
    text: `WITH ended AS (UPDATE ${jobs} j SET statusid = 3, leaseepoch = j.leaseepoch + 1, lockedby = NULL,
        leaseexpiresat = NULL, startedat = clock_timestamp(), completedat = clock_timestamp()
        FROM unnest($1::text[], $2::int[]) AS d(id, epoch)
        WHERE j.id = d.id AND j.leaseepoch = d.epoch AND j.statusid + 0 = 2
        RETURNING j.id, d.epoch)
      INSERT INTO ${histories} (jobid, leaseepoch, statusid, startedat, completedat, duration, executedby)
      SELECT id, epoch, 3, clock_timestamp(), clock_timestamp(), 0, 'bare' FROM ended`,
    values: [rows.map((row) => row.id), rows.map((row) => row.leaseepoch)],
  })

  return {
    name: bareLoopName(tables),
    add: async (count) => {
      for (let from = 0; from < count; from += 1_000) {
        const size = Math.min(1_000, count - from)
        await pool.query({
          name: `bare_add_${tables}`,
          text: `INSERT INTO ${jobs} (id, handler, payload) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])`,
          values: [
            Array.from({ length: size }, () => makeId()),
            Array.from({ length: size }, () => 'bench'),
            Array.from({ length: size }, () => '{"n":1}'),
          ],
        })
      }
    },
    drain: async () => {
      let done = 0
      for (;;) {
        const rows = await claim()
        if (rows.length === 0) return done
        await pool.query(complete(rows))
        done += rows.length
      }
    },
    drainInTransactions: async () => {
      const clients = new Map<number, Promise<pg.PoolClient>>()
      const done = await drainOneByOne(claim, async (job, worker) => {
        const connecting = clients.get(worker) ?? pool.connect()
        clients.set(worker, connecting)
        const client = await connecting
        const begun = client.query('BEGIN')
        const inserted = client.query({
          name: 'bare_effect',
          text: 'INSERT INTO bench_effects (jobid) VALUES ($1)',
          values: [job.id],
        })
        await Promise.all([begun, inserted])
        await Promise.all([client.query(complete([job])), client.query('COMMIT')])
      })
      for (const client of clients.values()) (await client).release()
      return done
    },
    close: () => pool.end(),
  }
}

import { performance } from 'node:perf_hooks'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { v7 } from 'uuid'
import type { BenchServer } from './bench-database.ts'

/** Rows of one INSERT, as many as the group commit takes. */
const GROUP = 1_000
const COLUMNS = ['id', 'typeid', 'method', 'protocol', 'direction', 'handler', 'metadata']
const MORE_COLUMNS = ['payload', 'contenttype', 'dedupekey', 'orderingkey']

/**
 * Rows a second of nothing but INSERTs of `count` rows like those that records from Kafka become, by groups and one after the
 * other on one connection, into the migrated tables.
 */
export async function bareInsert(
  server: BenchServer,
  count: number,
  bodyBytes: number,
  orderBy: 'key' | 'none',
): Promise<number> {
  const url = await server.fresh()
  const connection = url.startsWith('postgres') ? await postgresql(url) : await mariadb(url)
  const from = performance.now()
  for (let begin = 0; begin < count; begin += GROUP) {
    const size = Math.min(GROUP, count - begin)
    const rows = Array.from({ length: size }, (_, n) => rowOf(begin + n, bodyBytes, orderBy))
    await connection.insert(rows)
  }
  const perSecond = (count / (performance.now() - from)) * 1_000
  await connection.end()
  return perSecond
}

type Value = string | number | null

function rowOf(n: number, bodyBytes: number, orderBy: 'key' | 'none'): readonly Value[] {
  const [partition, offset, timestamp] = [n % 12, n, 1_700_000_000_000 + n]
  const place = { topic: 'bench', partition, offset, timestamp, key: `key-${n % 5_000}` }
  return [
    v7(),
    0,
    'bench',
    'kafka',
    'inbound',
    'h',
    JSON.stringify({ ...place, subscription: 's' }),
    JSON.stringify({ n, text: 'x'.repeat(bodyBytes - 30) }),
    'application/json',
    `s:WE6GFa8_gbZZQSnVAV3EaQ/bench/${partition}/${offset}/${timestamp}`,
    orderBy === 'key' ? place.key : null,
  ]
}

interface Inserting {
  insert(rows: readonly (readonly Value[])[]): Promise<void>
  end(): Promise<void>
}

async function postgresql(url: string): Promise<Inserting> {
  const client = new pg.Client({ connectionString: url, options: '-c crossdock.quiet=on' })
  await client.connect()
  const columns = [...COLUMNS, ...MORE_COLUMNS]
  const types = columns.map((name) =>
    name === 'typeid' ? 'int' : name === 'metadata' ? 'jsonb' : 'text',
  )
  const arrays = types.map((type, index) => `$${index + 1}::${type}[]`)
  const text = `INSERT INTO queue_jobs (${columns.join(', ')}) SELECT * FROM unnest(${arrays.join(', ')})`
  return {
    insert: async (rows) => {
      await client.query({
        name: 'bare_insert',
        text,
        values: columns.map((_, index) => rows.map((row) => row[index])),
      })
    },
    end: () => client.end(),
  }
}

async function mariadb(url: string): Promise<Inserting> {
  const connection = await mysql.createConnection({ uri: url, charset: 'utf8mb4' })
  const columns = [...COLUMNS, ...MORE_COLUMNS].join(', ')
  return {
    insert: async (rows) => {
      await connection.query(`INSERT INTO queue_jobs (${columns}) VALUES ?`, [rows])
    },
    end: () => connection.end(),
  }
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { NO_LINE, openActivemqEnd } from './bridge/activemq-end.ts'
import { bridgeConfiguration } from './bridge/bridge-configuration.ts'
import {
  type Arrival,
  type BridgeEnd,
  type Intake,
  type Kind,
  KINDS,
  LINE,
  PROTOCOLS,
} from './bridge/bridge-end.ts'
import { openHttpEnd } from './bridge/http-end.ts'
import { openKafkaEnd } from './bridge/kafka-end.ts'
import { openMqttEnd } from './bridge/mqtt-end.ts'
import { openSignalrEnd } from './bridge/signalr-end.ts'
import { makeFolder, startProgram, type RunningProgram, type TestFolder } from './program.ts'

const DATABASES = Object.entries(PROGRAM_DATABASES).filter(
  ([name]) => name === 'PostgreSQL' || process.env['CROSSDOCK_TEST_LONG'] === '1',
)
const WAIT_MS = 60_000
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/
const CITY = 'Zürich, "北": 7'
const JSON_TYPE = 'application/vnd.bridge+json'
const BYTES_TYPE = 'image/x-bridge'
const TRACE = 'a'.repeat(32)

/** Not as JSON.stringify would write it: whether its bytes are kept can be seen. */
function jsonBody(from: string): Buffer {
  return Buffer.from(
    `{ "from": "${from}", "city": "Zürich 🚚", "lines": [ {"price": 2.50, "quantity": 3}, {"price": 1, "quantity": 1} ] }\n`,
  )
}

/** Every byte there is, and no UTF-8. */
function bytesBody(from: string): Buffer {
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  return Buffer.concat([Buffer.from([0x00, 0xff, 0xc3, 0x28]), Buffer.from(from), all, all])
}

function headersOf(from: string, intake: Intake): Readonly<Record<string, string>> {
  return {
    // The sender's: the far side gets the id of its row.
    'idempotency-key': `${from}-${intake}`,
    'x-from': from,
    'x-city': CITY,
    'correlation-id': `order-${from}`,
    traceparent: `00-${TRACE}-${'b'.repeat(16)}-01`,
  }
}

/** SignalR carries values of JSON, and not how they were written. */
function compact(json: Buffer): string {
  return JSON.stringify(JSON.parse(json.toString()))
}

/** What is to be seen of an arrival. */
function seen(from: string, to: BridgeEnd, kind: Kind): unknown {
  const isValue = from === 'signalr' || to.protocol === 'signalr'
  const json = jsonBody(from)
  const [type, body] = {
    out: [
      from === 'signalr' ? 'application/json' : JSON_TYPE,
      isValue ? compact(json) : json.toString(),
    ],
    mapped: ['application/json', `{"from":"${from}","total":8.5,"city":"Zürich 🚚"}`],
    bin: [
      from === 'signalr' ? 'application/octet-stream' : BYTES_TYPE,
      bytesBody(from).toString('hex'),
    ],
  }[kind] as [string, string]
  return {
    body,
    type: to.protocol === 'signalr' ? undefined : type,
    city: CITY,
    mapped: kind === 'mapped' ? 'by a route' : undefined,
    correlation: `order-${from}`,
    trace: TRACE,
    publication: kind,
    key: keyOf(from, to),
  }
}

/** A key of Kafka is a group of ActiveMQ where the publication says so. Classic does not tell us of the groups of what comes in. */
function keyOf(from: string, to: BridgeEnd): string | undefined {
  if (to.protocol !== 'activemq') return undefined
  return from === 'kafka' ? LINE : NO_LINE
}

function shown({ kind, body, contentType, headers, key }: Arrival): unknown {
  return {
    body: body.toString(kind === 'bin' ? 'hex' : 'utf8'),
    type: contentType,
    city: headers['x-city'],
    mapped: headers['x-mapped'],
    correlation: headers['correlation-data'] ?? headers['correlation-id'],
    trace: headers['traceparent']?.split('-')[1],
    publication: headers['x-publication'],
    key,
  }
}

describe.each(DATABASES)('five protocols on %s', (_name, openDatabase) => {
  let database: ProgramDatabase | undefined
  let ends: readonly (BridgeEnd | undefined)[] = []
  let home: TestFolder | undefined
  let program: RunningProgram | undefined

  beforeAll(async () => {
    database = await openDatabase()
    ends = await Promise.all([
      openHttpEnd(),
      openKafkaEnd(),
      openMqttEnd(),
      openActivemqEnd(),
      openSignalrEnd(),
    ])
  })

  afterAll(async () => {
    if (program?.isRunning() === true) await program.stop()
    await Promise.all(ends.flatMap((end) => (end === undefined ? [] : [end.close()])))
    await home?.remove()
    await database?.stop()
  })

  it('bridges all pairs: a message put in on each of the five protocols comes out on each of the other four by routes, unchanged and mapped, binary included', async ({
    skip,
  }) => {
    if (database === undefined) return skip('the database is not available')
    const all = ends.filter((end) => end !== undefined)
    if (all.length < PROTOCOLS.length) return skip('a server of the five is not available')
    const configuration = bridgeConfiguration(all, database.url)
    home = await makeFolder(() => configuration)
    const { url } = (program = await startProgram(home))
    await until(async () => isTaking(await (await fetch(`${url}/status`)).json()))
    await Promise.all(
      all.flatMap((end) => {
        const { protocol } = end
        end.reachable(url)
        return [
          end.put({
            intake: 'in',
            body: jsonBody(protocol),
            contentType: JSON_TYPE,
            headers: headersOf(protocol, 'in'),
          }),
          end.put({
            intake: 'bin',
            body: bytesBody(protocol),
            contentType: BYTES_TYPE,
            headers: headersOf(protocol, 'bin'),
          }),
        ]
      }),
    )

    const expected: Record<string, readonly unknown[]> = {}
    for (const to of all) {
      for (const from of PROTOCOLS.filter((one) => one !== to.protocol)) {
        for (const kind of KINDS) {
          expected[`${from} to ${to.protocol}, ${kind}`] = [seen(from, to, kind)]
        }
      }
    }
    const rows = Object.keys(expected).length
    const { sql } = database
    // A row is completed when its far side has confirmed it: then nothing more comes.
    await until(async () => {
      const ended = await sql('SELECT count(*) AS n FROM queue_jobs WHERE statusid IN (3, 4)')
      return Number(ended[0]?.['n']) >= rows
    }).catch(() => undefined)
    const unsent = await sql(
      'SELECT method, statusid, lasterror FROM queue_jobs WHERE statusid <> 3',
    )
    expect(unsent, program.err()).toEqual([])
    const arrived: Record<string, unknown[]> = {}
    const ids: string[] = []
    // Foreign clients may be a moment behind the confirmations that their servers gave.
    await until(async () => (await counted(all)) >= rows).catch(() => undefined)
    for (const end of all) {
      for (const arrival of await end.arrivals()) {
        const { headers, kind } = arrival
        const pair = `${headers['x-from']} to ${end.protocol}, ${kind}`
        ;(arrived[pair] ??= []).push(shown(arrival))
        ids.push(headers['idempotency-key'] ?? `none: ${pair}`)
      }
    }
    expect(arrived).toEqual(expected)
    // Each row once, under its own id.
    const stored = await sql('SELECT id FROM queue_jobs')
    expect(ids.toSorted()).toEqual(stored.map(({ id }) => String(id)).toSorted())
    expect(ids.every((id) => UUID.test(id))).toBe(true)
  })
})

async function counted(ends: readonly BridgeEnd[]): Promise<number> {
  const all = await Promise.all(ends.map((end) => end.arrivals()))
  return all.flat().length
}

/** Of `/status`: every connection stands, so that nothing comes before the first subscription. */
function isTaking(status: unknown): boolean {
  const { integrations } = status as {
    readonly integrations: {
      readonly connections: readonly { readonly health: { readonly status: string } }[]
    }
  }
  return integrations.connections.every(({ health }) => health.status === 'ok')
}

/** Resolves when this holds. @throws Error when it does not within the limit */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it did not come to hold')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

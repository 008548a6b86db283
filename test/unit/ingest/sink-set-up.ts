import { z } from 'zod'
import type { Job, NewJob } from '../../../src/domain/job.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createRegistry } from '../../../src/handler-kit/registry.ts'
import { decodePayload } from '../../../src/handler-kit/stored-payload.ts'
import { parseInput as parseBySchema } from '../../../src/handler-kit/validate-input.ts'
import type { GroupCommit } from '../../../src/ingest/group-commit.ts'
import { createMessageSink } from '../../../src/ingest/message-sink.ts'
import type { SubscriptionSettings } from '../../../src/ingest/subscription-settings.ts'
import type { DeliveryOptions } from '../../../src/ports/adapter.ts'
import type { Mappings } from '../../../src/ports/expressions.ts'
import type { ParseInput } from '../../../src/ports/handler.ts'
import type { InsertOutcome } from '../../../src/ports/store.ts'
import { silentLog } from './fake-store.ts'

/** What committing a row does. */
export type Add = (job: NewJob) => Promise<InsertOutcome>

const order = defineHandler({
  name: 'order',
  queue: 'orders',
  priority: 3,
  input: z.object({ total: z.number() }),
  run: () => undefined,
})
const anything = defineHandler({ name: 'anything', run: () => undefined })

/** Messages stay as they are. */
const NO_RULES: Mappings = {
  has: () => false,
  evaluate: async () => [],
  stop: async () => undefined,
}

/** A sink with one subscription `in`, the rows that it gave to be committed, and the batch of each message. */
export function setUp({
  subscription = {},
  add = async (job: NewJob) => ({ outcome: 'stored' as const, jobId: job.id }),
  findJob = async () => undefined,
  mappings = NO_RULES,
  parseInput = parseBySchema,
}: {
  subscription?: Partial<SubscriptionSettings>
  add?: Add
  findJob?: (id: string) => Promise<Job | undefined>
  mappings?: Mappings
  parseInput?: ParseInput
} = {}) {
  const rows: NewJob[] = []
  const batches: unknown[] = []
  let ids = 0
  const commit: GroupCommit = {
    add: async (job) => {
      rows.push(job)
      return await add(job)
    },
    addTogether: async (jobs, batch) => {
      rows.push(...jobs)
      batches.push(batch)
      return await add(jobs[0]!)
    },
    waiting: () => 0,
    healthy: () => true,
    onHealth: () => () => undefined,
    close: async () => undefined,
  }
  const sink = createMessageSink({
    subscriptions: [{ name: 'in', handler: 'anything', contentType: 'json', ...subscription }],
    mappings,
    now: () => Date.UTC(2030, 0),
    handlers: createRegistry([order, anything]),
    parseInput,
    commit,
    store: { findJob },
    makeId: () => `id-${(ids += 1)}`,
    log: silentLog,
  })
  const deliver = async (
    message: Partial<Omit<InboundMessage, 'body'>> & { body?: string | Uint8Array },
    options: DeliveryOptions = { onInvalid: 'reject' },
  ) => {
    const { body = '{}', ...more } = message
    const [delivery] = await sink.deliver(
      [
        {
          protocol: 'http',
          subscription: 'in',
          method: 'POST',
          headers: {},
          ...more,
          body: typeof body === 'string' ? Buffer.from(body) : body,
        },
      ],
      options,
    )
    return delivery
  }
  return { sink, rows, batches, deliver }
}

/** What a handler will be given of a row. */
export function seen(row: NewJob | undefined): unknown {
  const decoded = decodePayload({
    payload: row?.payload ?? null,
    contentType: row?.contentType ?? null,
    payloadEncoding: row?.payloadEncoding ?? null,
  })
  return decoded.ok ? decoded.value : decoded
}

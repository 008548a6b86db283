import type { Sabotage } from '../sabotage.ts'

/** Messages on their way out. */
export const outboundSabotages: readonly Sabotage[] = [
  {
    name: '3: what a handler publishes commits with its completion',
    file: 'src/worker/handler-context.ts',
    line: 'effects.jobs.push(outgoing)',
    instead: 'void context.store.insertJobs({ jobs: [outgoing], again: false })',
    testFile: 'test/integration/outbound/publishing-postgresql.test.ts',
    test: 'of a job that fails does not happen',
  },
  {
    name: '17: what never left is given back, and not tried again',
    file: 'src/worker/call-handler.ts',
    line: 'if (reason === undefined && isUnsent(error, handler)) {',
    instead: 'if (reason !== undefined && isUnsent(error, handler)) {',
    testFile: 'test/integration/outbound/publishing-postgresql.test.ts',
    test: 'of what never left is no attempt, however often that happens',
  },
  {
    name: '17: a pool claims no more than its gate lets begin',
    file: 'src/worker/pool.ts',
    line: 'const limit = Math.min(pace.claimLimit(free.length), room())',
    instead: 'const limit = pace.claimLimit(free.length)',
    testFile: 'test/unit/worker/gated-pool.test.ts',
    test: 'claims no more than may begin',
  },
  {
    name: '17: a repeat carries the same key',
    file: 'src/outbound/outbound-message.ts',
    line: '{ [IDEMPOTENCY_HEADER]: job.id }',
    instead: '{ [IDEMPOTENCY_HEADER]: `${job.id} ${job.attempt}` }',
    testFile: 'test/unit/outbound/message.test.ts',
    test: 'and ours over both',
  },
  {
    name: 'outbound: what never left over HTTP is no attempt, and what may have arrived is one',
    file: 'adapters/http/outbound/exchange.ts',
    line: "settle({ kind: hasLeft ? 'unconfirmed' : 'unsent', error })",
    instead: "settle({ kind: 'unsent', error })",
    testFile: 'test/unit/http/outbound/lost-connections.test.ts',
    test: 'in time a message is unconfirmed',
  },
  {
    name: 'outbound: a value in a path cannot lead out of its place',
    file: 'adapters/http/outbound/path-template.ts',
    line: 'pieces.push(encodeURIComponent(value))',
    instead: 'pieces.push(value)',
    testFile: 'test/unit/http/outbound/requests.test.ts',
    test: 'holds the value "a/b" as one part',
  },
  {
    name: 'outbound: a message that hangs holds up no other of its publication',
    file: 'adapters/http/index.ts',
    line: "publishes: 'singly'",
    instead: "publishes: 'batches'",
    testFile: 'test/integration/outbound-http/targets-postgresql.test.ts',
    test: 'of which one hangs let the others end, and those of another publication leave',
  },
  {
    name: 'outbound: no more messages begin than there may be connections',
    file: 'src/app/outbound.ts',
    line: 'maxInFlight: Math.min(publication.maxInFlight, most ?? Infinity)',
    instead: 'maxInFlight: Math.max(publication.maxInFlight, most ?? 0)',
    testFile: 'test/integration/outbound-http/targets-postgresql.test.ts',
    test: 'take no memory while they wait, nor do answers that never end',
  },
]

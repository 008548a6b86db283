import { v7 } from 'uuid'
import { z } from 'zod'
import { systemClock } from '../../../src/app/system-clock.ts'
import { createMappings } from '../../../src/expressions/mappings.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createRegistry } from '../../../src/handler-kit/registry.ts'
import { parseInput } from '../../../src/handler-kit/validate-input.ts'
import { createDeadLetters } from '../../../src/ingest/dead-letters.ts'
import { createGroupCommit } from '../../../src/ingest/group-commit.ts'
import { createMessageSink } from '../../../src/ingest/message-sink.ts'
import type { SubscriptionSettings } from '../../../src/ingest/subscription-settings.ts'
import { type MappingRules, rulesOfRoute } from '../../../src/ports/expressions.ts'
import type { Store } from '../../../src/ports/store.ts'
import { countingWakeUps, silentLog } from '../../unit/ingest/fake-store.ts'

const SCRIPT = new URL('../../../src/app/expression-process.ts', import.meta.url)

/** Takes a number called `total`. */
const order = defineHandler({
  name: 'order',
  input: z.object({ total: z.number() }),
  run: () => undefined,
})

/** What a subscription is, with its rules and those of its routes. */
export interface TestSubscription extends SubscriptionSettings {
  readonly rules?: MappingRules
  readonly routeRules?: Readonly<Record<string, MappingRules>>
}

/** All that receives messages and replays dead letters, on a real store. */
export function openIngest(store: Store, subscriptions: readonly TestSubscription[]) {
  const mappings = createMappings({
    ruleSets: subscriptions.flatMap(({ name, rules = {}, routeRules = {} }) => [
      { name, rules },
      ...Object.entries(routeRules).map(([route, one]) => ({
        name: rulesOfRoute(route),
        rules: one,
      })),
    ]),
    script: SCRIPT,
    clock: systemClock,
    log: silentLog,
  })
  const commit = createGroupCommit({
    store,
    wakeUps: countingWakeUps(),
    clock: systemClock,
    log: silentLog,
    random: Math.random,
  })
  const parts = {
    subscriptions,
    mappings,
    handlers: createRegistry([order]),
    parseInput,
    commit,
    store,
    makeId: v7,
    now: Date.now,
  }
  const sink = createMessageSink({ ...parts, log: silentLog })
  const deadLetters = createDeadLetters(parts)
  return {
    deadLetters,
    deliver: (
      subscription: string,
      body: string | Uint8Array,
      more: Parameters<typeof sink.deliver>[0][number] | object = {},
    ) =>
      sink
        .deliver(
          [
            {
              protocol: 'mqtt',
              subscription,
              method: 'topic',
              headers: {},
              ...more,
              body: typeof body === 'string' ? Buffer.from(body) : body,
            },
          ],
          { onInvalid: 'dead' },
        )
        .then(([delivery]) => delivery),
    close: async () => {
      await commit.close()
      await mappings.stop()
    },
  }
}

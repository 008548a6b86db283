import { systemClock } from '../../../src/app/system-clock.ts'
import { createMappings, type MappingsOptions } from '../../../src/expressions/mappings.ts'
import type { MappingInput, MappingRules, Mappings } from '../../../src/ports/expressions.ts'
import { silentLog } from '../ingest/fake-store.ts'

/** The file of the process that evaluates expressions. */
const SCRIPT = new URL('../../../src/app/expression-process.ts', import.meta.url)

/** Rules by the names of their subscriptions, in a process where they need one. */
export function openRules(
  rules: Readonly<Record<string, MappingRules>>,
  more: Partial<MappingsOptions> = {},
): Mappings {
  return createMappings({
    ruleSets: Object.entries(rules).map(([name, each]) => ({ name, rules: each })),
    script: SCRIPT,
    clock: systemClock,
    log: silentLog,
    ...more,
  })
}

/** A message with this payload. */
export function input(payload: unknown, more: Partial<MappingInput> = {}): MappingInput {
  return {
    payload: { kind: 'json', text: JSON.stringify(payload) },
    headers: { 'X-Tenant': 'acme', Accept: ['a', 'b'] },
    facts: {
      topic: 't/1',
      protocol: 'mqtt',
      subscription: 'in',
      received_at: '2030-01-01T00:00:00.000Z',
    },
    receivedAtMs: Date.UTC(2030, 0),
    ...more,
  }
}

/** A map of the payload alone. */
export function payloadRules(expression: string): MappingRules {
  return { map: { payload: { expression } } }
}

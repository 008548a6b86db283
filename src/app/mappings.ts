import { extname } from 'node:path'
import type { SubscriptionConfiguration } from '../config/configuration.ts'
import { createMappings } from '../expressions/mappings.ts'
import type { MappingRules, Mappings } from '../ports/expressions.ts'
import type { Log } from '../ports/log.ts'
import { systemClock } from './system-clock.ts'

/** Rules under a name: a subscription's, or a publication's address. */
export interface RuleSet {
  readonly name: string
  readonly rules: MappingRules
}

/** What subscriptions do with their messages before they are stored. */
export function subscriptionRules(
  subscriptions: readonly SubscriptionConfiguration[],
): readonly RuleSet[] {
  return subscriptions.map(({ name, filter, map, schema }) => ({
    name,
    rules: { filter, map, schema: schema?.text },
  }))
}

/** Rules, applied in a process of ours where that is needed. */
export function openMappings(ruleSets: readonly RuleSet[], log: Log): Mappings {
  return createMappings({
    ruleSets,
    // Beside this file: TypeScript in a clone, JavaScript in a package.
    script: new URL(`./expression-process${extname(import.meta.url)}`, import.meta.url),
    clock: systemClock,
    log,
  })
}

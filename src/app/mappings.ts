import { extname } from 'node:path'
import type { SubscriptionConfiguration } from '../config/configuration.ts'
import { createMappings } from '../expressions/mappings.ts'
import { createPayloadTemplates } from '../expressions/payload-templates.ts'
import { type MappingRules, type Mappings, rulesOfRoute } from '../ports/expressions.ts'
import type { Log } from '../ports/log.ts'
import { systemClock } from './system-clock.ts'

/** Beside this file: TypeScript in a clone, JavaScript in a package. */
const SCRIPT = new URL(`./expression-process${extname(import.meta.url)}`, import.meta.url)

/** Renders payload templates of schedules, in a process of ours that the first one starts. */
export function openPayloadTemplates(log: Log): ReturnType<typeof createPayloadTemplates> {
  return createPayloadTemplates({ script: SCRIPT, clock: systemClock, log })
}

/** Rules under a name: a subscription's, a route's, or a publication's address. */
export interface RuleSet {
  readonly name: string
  readonly rules: MappingRules
}

/** What subscriptions and their routes do with messages before they are stored. */
export function subscriptionRules(
  subscriptions: readonly SubscriptionConfiguration[],
): readonly RuleSet[] {
  return subscriptions.flatMap(({ name, filter, map, schema, routes = [] }) => [
    { name, rules: { filter, map, schema: schema?.text } },
    ...routes.map((route) => ({
      name: rulesOfRoute(route.name),
      rules: { filter: route.filter, map: route.map },
    })),
  ])
}

/** Rules, applied in a process of ours where that is needed. */
export function openMappings(ruleSets: readonly RuleSet[], log: Log): Mappings {
  return createMappings({
    ruleSets,
    script: SCRIPT,
    clock: systemClock,
    log,
  })
}

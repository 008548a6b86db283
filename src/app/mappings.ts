import { extname } from 'node:path'
import type { SubscriptionConfiguration } from '../config/configuration.ts'
import { createMappings } from '../expressions/mappings.ts'
import { createPayloadTemplates } from '../expressions/payload-templates.ts'
import { type Mappings, rulesOfRoute } from '../ports/expressions.ts'
import type { Log } from '../ports/log.ts'
import { systemClock } from './system-clock.ts'

/** Beside this file: TypeScript in a clone, JavaScript in a package. */
const SCRIPT = new URL(`./expression-process${extname(import.meta.url)}`, import.meta.url)

/** Renders payload templates of schedules, in a process of ours that the first one starts. */
export function openPayloadTemplates(log: Log): ReturnType<typeof createPayloadTemplates> {
  return createPayloadTemplates({ script: SCRIPT, clock: systemClock, log })
}

/** The rules of these subscriptions and their routes, applied in a process of ours where that is needed. */
export function openMappings(
  subscriptions: readonly SubscriptionConfiguration[],
  log: Log,
): Mappings {
  return createMappings({
    subscriptions: subscriptions.flatMap(({ name, filter, map, schema, routes = [] }) => [
      { name, rules: { filter, map, schema: schema?.text } },
      ...routes.map((route) => ({
        name: rulesOfRoute(route.name),
        rules: { filter: route.filter, map: route.map },
      })),
    ]),
    script: SCRIPT,
    clock: systemClock,
    log,
  })
}

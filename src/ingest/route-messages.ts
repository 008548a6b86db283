import type { InboundMessage } from '../domain/message.ts'
import type { InputProblem } from '../ports/adapter.ts'
import {
  type MappingInput,
  type MappingResult,
  type Mappings,
  rulesOfRoute,
} from '../ports/expressions.ts'
import { type MappedMessage, NOT_UTF8, type RoutedMessage } from './map-messages.ts'
import { mappedValues } from './mapped-values.ts'
import { routeInput } from './mapping-input.ts'
import type { RouteSettings, SubscriptionSettings } from './subscription-settings.ts'

/**
 * Shows mapped messages to the routes of their subscription, in order. A message that is invalid for one route is invalid
 * as a whole: of its rows all are stored or none.
 * @throws CrossdockError `mapping_unavailable`, `instance_stopping`
 */
export async function routeMessages(
  messages: readonly InboundMessage[],
  mapped: readonly MappedMessage[],
  subscription: Pick<SubscriptionSettings, 'contentType' | 'routes'>,
  mappings: Mappings,
  receivedAtMs: number,
): Promise<readonly MappedMessage[]> {
  let results = mapped
  for (const route of subscription.routes ?? []) {
    results = await along(route, messages, results, { subscription, mappings, receivedAtMs })
  }
  return results
}

interface Along {
  readonly subscription: Pick<SubscriptionSettings, 'contentType'>
  readonly mappings: Mappings
  readonly receivedAtMs: number
}

async function along(
  route: RouteSettings,
  messages: readonly InboundMessage[],
  mapped: readonly MappedMessage[],
  { subscription, mappings, receivedAtMs }: Along,
): Promise<readonly MappedMessage[]> {
  const rules = rulesOfRoute(route.name)
  if (!mappings.has(rules)) {
    return mapped.map((each) =>
      each.outcome === 'mapped' ? joined(each, { route, values: {} }) : each,
    )
  }
  const inputs = messages.map((message, index) => {
    const each = mapped[index]
    return each?.outcome === 'mapped'
      ? routeInput(message, subscription.contentType, each.values, receivedAtMs)
      : undefined
  })
  const readable = inputs.filter((input): input is MappingInput => input !== undefined)
  const results = [...(await mappings.evaluate(rules, readable))]
  return mapped.map((each, index) => {
    if (each.outcome !== 'mapped') return each
    const result = inputs[index] === undefined ? undefined : results.shift()
    return result === undefined ? NOT_UTF8 : routed(each, route, result)
  })
}

type Mapped = Extract<MappedMessage, { readonly outcome: 'mapped' }>

function routed(message: Mapped, route: RouteSettings, result: MappingResult): MappedMessage {
  if (result.outcome === 'filtered') return message
  if (result.outcome === 'invalid') {
    return { ...result, problems: placed(route, result.problems) }
  }
  const checked = mappedValues(result.values, false)
  return checked.ok
    ? joined(message, { route, values: checked.values })
    : { outcome: 'invalid', reason: 'mapping_failed', problems: placed(route, checked.problems) }
}

function joined(message: Mapped, to: RoutedMessage): Mapped {
  return { ...message, routed: [...message.routed, to] }
}

/** Said of the route: a path of the payload is one of what the subscription's map made. */
function placed(route: RouteSettings, problems: readonly InputProblem[]): readonly InputProblem[] {
  return problems.map(({ path, message }) => ({
    path: path === '' ? `routes.${route.name}` : `routes.${route.name}.${path}`,
    message,
  }))
}

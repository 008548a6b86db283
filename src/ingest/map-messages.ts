import type { InboundMessage } from '../domain/message.ts'
import type { InputProblem } from '../ports/adapter.ts'
import type { MappingFault, MappingInput, MappingResult, Mappings } from '../ports/expressions.ts'
import { type MappedValues, mappedValues } from './mapped-values.ts'
import { mappingInput } from './mapping-input.ts'
import type { RouteSettings, SubscriptionSettings } from './subscription-settings.ts'

/** What a route made of a message that it wants. */
export interface RoutedMessage {
  readonly route: RouteSettings
  readonly values: MappedValues
}

/** What a subscription's schema, filter and map, and then its routes, say of a message. */
export type MappedMessage =
  | {
      readonly outcome: 'mapped'
      readonly values: MappedValues
      /** The routes that want it. */
      readonly routed: readonly RoutedMessage[]
    }
  | { readonly outcome: 'filtered' }
  | {
      readonly outcome: 'invalid'
      readonly reason: MappingFault
      readonly problems: readonly InputProblem[]
    }

const UNTOUCHED: MappedMessage = { outcome: 'mapped', values: {}, routed: [] }

/** Of a body that is to be text. */
export const NOT_UTF8: MappedMessage = {
  outcome: 'invalid',
  reason: 'invalid',
  problems: [{ path: '', message: 'is not valid UTF-8' }],
}

/**
 * Applies the rules of one subscription to its messages, in order. Without rules they stay as they are.
 * @throws CrossdockError `mapping_unavailable`, `instance_stopping`
 */
export async function mapMessages(
  messages: readonly InboundMessage[],
  subscription: Pick<SubscriptionSettings, 'name' | 'contentType' | 'map'>,
  mappings: Mappings,
  receivedAtMs: number,
): Promise<readonly MappedMessage[]> {
  if (!mappings.has(subscription.name)) return messages.map(() => UNTOUCHED)
  const inputs = messages.map((each) => mappingInput(each, subscription.contentType, receivedAtMs))
  const readable = inputs.filter((input): input is MappingInput => input !== undefined)
  const results = [...(await mappings.evaluate(subscription.name, readable))]
  const mapsDedupeKey = subscription.map?.dedupe_key !== undefined
  return inputs.map((input) => {
    const result = input === undefined ? undefined : results.shift()
    return result === undefined ? NOT_UTF8 : mapped(result, mapsDedupeKey)
  })
}

function mapped(result: MappingResult, mapsDedupeKey: boolean): MappedMessage {
  if (result.outcome !== 'mapped') return result
  const checked = mappedValues(result.values, mapsDedupeKey)
  return checked.ok
    ? { outcome: 'mapped', values: checked.values, routed: [] }
    : { outcome: 'invalid', reason: 'mapping_failed', problems: checked.problems }
}

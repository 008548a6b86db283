import type { ISubscriptionMap, MqttClient } from 'mqtt'
import { errorMessage } from '../../src/domain/errors.ts'
import type { Log } from '../../src/ports/log.ts'
import type { MqttSubscriptionOptions } from './options/subscription.ts'

/** What {@link subscribeTo} needs. */
export interface SubscribeRequest {
  readonly client: MqttClient
  readonly options: MqttSubscriptionOptions
  readonly version: '3.1.1' | '5'
  /** The quality of service that can be kept. */
  readonly maxQos: 1 | 2
  /** Comes along with each message of it, with MQTT 5 and a broker that can. */
  readonly identifier: number | undefined
  /** Aborts with the connection. */
  readonly signal: AbortSignal
  /** Says what is wrong, or that nothing is any more. */
  readonly told: (problem: string | undefined) => void
  readonly log: Log
}

const REPEAT_MS = 10_000

/** Asks the broker for the topics, and again after a while when it refuses: rights are given late as well. */
export function subscribeTo(request: SubscribeRequest): void {
  const { client, identifier, signal, told, log } = request
  const options = {
    qos: 0,
    ...(identifier !== undefined && { properties: { subscriptionIdentifier: identifier } }),
  } as const
  client.subscribe(subscriptionMap(request), options, (error, granted = []) => {
    if (signal.aborted) return
    const refused = granted.filter(({ qos }) => qos >= 128).map(({ topic }) => topic)
    if (error !== null || refused.length > 0) {
      const reason = error === null ? 'refused' : errorMessage(error)
      const problem = `the broker refuses the subscription${refused.length > 0 ? ` to ${refused.join(', ')}` : ''}: ${reason}`
      log.error({ topics: request.options.topics.map(({ topic }) => topic) }, problem)
      told(problem)
      const timer = setTimeout(() => {
        if (!signal.aborted && client.connected) subscribeTo(request)
      }, REPEAT_MS)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
      })
      return
    }
    told(undefined)
    for (const { topic, qos } of request.options.topics) {
      const given = granted.find((one) => one.topic === topic)?.qos
      if (given === undefined || given >= qos) continue
      log.warn(
        { topic, asked: qos, granted: given },
        'the broker grants a lower quality of service',
      )
    }
  })
}

function subscriptionMap({ options, version, maxQos }: SubscribeRequest): ISubscriptionMap {
  const entries = options.topics.map(({ topic, qos, no_local: noLocal }) => {
    const asked = qos > maxQos ? maxQos : qos
    // What the broker has kept is sent when a subscription begins to be, and not at each connect.
    const retainHandling = options.retained === 'ignore' ? 2 : 1
    return [
      topic,
      { qos: asked, ...(version === '5' && { nl: noLocal, rap: false, rh: retainHandling }) },
    ] as const
  })
  return Object.fromEntries(entries)
}

import { CrossdockError } from '../../src/domain/errors.ts'
import type {
  AdapterContext,
  AdapterDefinition,
  AdapterSubscription,
  RunningAdapter,
} from '../../src/ports/adapter.ts'
import type { HttpRequest, HttpResponse } from '../../src/ports/http-host.ts'
import { readWait } from '../../src/ports/http-wait.ts'
import { answerTo } from './answer.ts'
import { closedAnswer } from './closed.ts'
import { type Verified, withoutIdentity } from './identity.ts'
import { toMessage } from './inbound.ts'
import {
  httpConnectionOptions,
  httpPublicationOptions,
  httpSubscriptionOptions,
  type HttpSubscriptionOptions,
} from './options.ts'
import { createVerify } from './verify/create.ts'
import { createRefusalLog, refusalAnswer } from './verify/refusals.ts'

/**
 * Takes requests in as messages. The answer is the acknowledgement: 202 is sent when `deliver` has
 * resolved, which is after COMMIT; when it rejects nothing is stored, and the answer says so.
 */
export const httpAdapter: AdapterDefinition<
  typeof httpSubscriptionOptions,
  typeof httpConnectionOptions,
  typeof httpPublicationOptions
> = {
  protocol: 'http',
  subscriptionOptions: httpSubscriptionOptions,
  connectionOptions: httpConnectionOptions,
  publicationOptions: httpPublicationOptions,
  templates: [],
  subscriptionConnection: 'optional',
  withoutIdentity,
  start: async (context) => start(context),
}

function start({
  subscriptions,
  sink,
  http,
  jobs,
  log,
}: AdapterContext<HttpSubscriptionOptions>): RunningAdapter {
  const underWay = new Set<Promise<unknown>>()
  let stopped = false

  const receive = async (
    request: HttpRequest,
    subscription: AdapterSubscription<HttpSubscriptionOptions>,
    verified: Verified,
  ): Promise<HttpResponse> => {
    // Nobody else than the verified is told whether the subscription takes anything in now.
    const refusal = closedAnswer(subscription.flow.closed())
    if (refusal !== undefined) return refusal
    const message = toMessage(request, subscription, verified)
    if (!message.ok) return message.problem
    const wait = readWait(request)
    if (!wait.ok) return wait.problem
    // What this rejects with goes to the server, which answers 413 or 503: nothing is acknowledged.
    const [delivery] = await sink.deliver([message.value], { onInvalid: 'reject' })
    if (delivery === undefined) {
      throw new CrossdockError('database_error', 'The sink did not say what became of a message.')
    }
    const isWanted =
      wait.value !== undefined &&
      (delivery.outcome === 'stored' || delivery.outcome === 'duplicate') &&
      delivery.sameBody !== false
    if (!isWanted) return answerTo(delivery)
    const how = { limitMs: wait.value, signal: request.closed() }
    return answerTo(delivery, await jobs.untilEnded(delivery.jobId, how))
  }

  /** What takes the requests of one subscription: nothing of one is read before it is verified. */
  const receiver = (subscription: AdapterSubscription<HttpSubscriptionOptions>) => {
    const { verify: options } = subscription.options
    const verify = createVerify(options)
    const logRefusal = createRefusalLog(log, subscription.name, () => performance.now())
    return async (request: HttpRequest): Promise<HttpResponse> => {
      if (stopped) {
        throw new CrossdockError(
          'instance_stopping',
          'The HTTP adapter takes nothing in any more.',
          { retryable: true },
        )
      }
      const proof = verify(request)
      if (proof.ok) return await receive(request, subscription, proof)
      logRefusal(proof.refusal)
      return refusalAnswer(options?.type, proof.refusal)
    }
  }

  for (const subscription of subscriptions) {
    const { path, method } = subscription.options
    const take = receiver(subscription)
    http.route({
      method,
      path,
      handle: (request) => {
        const answer = take(request)
        underWay.add(answer)
        const forget = (): void => {
          underWay.delete(answer)
        }
        answer.then(forget, forget)
        return answer
      },
    })
    log.debug({ subscription: subscription.name, method, path }, 'takes requests in')
  }

  return {
    health: () => (stopped ? { status: 'down', detail: 'stopped' } : { status: 'ok' }),
    stop: async () => {
      stopped = true
      await Promise.allSettled(underWay)
    },
  }
}

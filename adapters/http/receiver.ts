import { CrossdockError } from '../../src/domain/errors.ts'
import type { AdapterContext, AdapterSubscription } from '../../src/ports/adapter.ts'
import type { HttpRequest, HttpResponse } from '../../src/ports/http-host.ts'
import { readWait } from '../../src/ports/http-wait.ts'
import { answerTo } from './answer.ts'
import { closedAnswer } from './closed.ts'
import type { Verified } from './identity.ts'
import { toMessage } from './inbound.ts'
import type { HttpSubscriptionOptions } from './options.ts'
import { createVerify } from './verify/create.ts'
import { createRefusalLog, refusalAnswer } from './verify/refusals.ts'

type Subscription = AdapterSubscription<HttpSubscriptionOptions>

/** What takes the requests of one subscription. */
export type Receiver = (request: HttpRequest) => Promise<HttpResponse>

/**
 * Takes the requests of one subscription in as messages: nothing of one is read before it is verified, and
 * nobody else is told whether the subscription takes anything in now. The answer is the acknowledgement.
 * @param isStopped whether nothing is to be taken in any more
 */
export function createReceiver(
  subscription: Subscription,
  { sink, jobs, log }: Pick<AdapterContext<HttpSubscriptionOptions>, 'sink' | 'jobs' | 'log'>,
  isStopped: () => boolean,
): Receiver {
  const receive = async (request: HttpRequest, verified: Verified): Promise<HttpResponse> => {
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

  const { verify: options } = subscription.options
  const verify = createVerify(options)
  const logRefusal = createRefusalLog(log, subscription.name, () => performance.now())
  return async (request) => {
    if (isStopped()) {
      throw new CrossdockError('instance_stopping', 'The HTTP adapter takes nothing in any more.', {
        retryable: true,
      })
    }
    const proof = verify(request)
    if (!proof.ok) {
      logRefusal(proof.refusal)
      return refusalAnswer(options?.type, proof.refusal)
    }
    return closedAnswer(subscription.flow.closed()) ?? (await receive(request, proof))
  }
}

import { CrossdockError } from '../../src/domain/errors.ts'
import type { AdapterContext, AdapterHealth, RunningAdapter } from '../../src/ports/adapter.ts'
import { createAccessTokens } from './access-tokens.ts'
import type { LinkParts } from './link.ts'
import type { SignalrConnectionOptions } from './options/connection.ts'
import type { SignalrPublicationOptions } from './options/publication.ts'
import type { SignalrSubscriptionOptions } from './options/subscription.ts'
import { openPublisher } from './publisher.ts'
import { openReceiver } from './receiver.ts'

/** Receives and publishes over one connection; it need not be there yet. */
export async function startSignalr({
  connection,
  subscriptions,
  publications,
  sink,
  makeOffering,
  slots,
  instance,
  connected,
  clock,
  random,
  log,
}: AdapterContext<
  SignalrSubscriptionOptions,
  SignalrConnectionOptions,
  SignalrPublicationOptions
>): Promise<RunningAdapter> {
  if (connection === undefined) throw new CrossdockError('usage', 'SignalR needs a connection')
  const { access_token: token } = connection.options
  const parts: LinkParts = {
    connection: connection.options,
    tokens: token === undefined ? undefined : createAccessTokens(token, () => clock.monotonicMs()),
    clock,
    random,
    log,
  }
  const publisher =
    publications.length === 0 ? undefined : openPublisher({ ...parts, publications, connected })
  const slotName = `${instance.name}-signalr-${connection.name}`
  const receiver =
    subscriptions.length === 0
      ? undefined
      : openReceiver({ ...parts, subscriptions, sink, makeOffering, slots, slotName })
  return {
    health: () => together(receiver?.health(), publisher?.problem()),
    ...(publisher !== undefined && {
      publish: (name, messages, signal) => publisher.publish(name, messages, signal),
    }),
    stop: async () => {
      await Promise.all([publisher?.stop(), receiver?.stop()])
    },
  }
}

/** Down: both are, as far as there are both. */
function together(received: AdapterHealth | undefined, problem: string | undefined): AdapterHealth {
  if (problem === undefined) return received ?? { status: 'ok' }
  const details = [received?.detail, `publications: ${problem}`]
  const isDown = received === undefined || received.status === 'down'
  return {
    status: isDown ? 'down' : 'degraded',
    detail: details.filter((one) => one !== undefined).join('; '),
  }
}

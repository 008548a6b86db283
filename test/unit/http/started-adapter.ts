import type { z } from 'zod'
import { httpAdapter } from '../../../adapters/http/index.ts'
import { httpSubscriptionOptions } from '../../../adapters/http/options.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { type Flow, OPEN_FLOW } from '../../../src/ports/flow.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { Delivery, DeliveryOptions, RunningAdapter } from '../../../src/ports/adapter.ts'
import type { JobWaits } from '../../../src/ports/job-waits.ts'
import type { Log } from '../../../src/ports/log.ts'
import { startServer } from './started-server.ts'
import { adapterTools } from '../../services/adapter-tools.ts'

/** The HTTP adapter at work, with one subscription. */
export interface StartedAdapter {
  readonly url: string
  readonly port: number
  readonly messages: InboundMessage[]
  readonly options: DeliveryOptions[]
  readonly adapter: RunningAdapter
}

/** A server with one subscription `orders` below `/in`, and what was delivered of it. */
export async function startAdapter({
  contentType = 'json',
  deliver = () => ({ outcome: 'stored', jobId: 'job 1' }),
  untilEnded = async () => ({ ended: false, status: undefined }),
  log = silentLog,
  flow = OPEN_FLOW,
  ...given
}: {
  readonly contentType?: 'json' | 'text' | 'binary'
  readonly deliver?: (message: InboundMessage) => Delivery | Promise<Delivery>
  readonly untilEnded?: JobWaits['untilEnded']
  readonly log?: Log
  readonly flow?: Flow
} & Partial<z.input<typeof httpSubscriptionOptions>> = {}): Promise<StartedAdapter> {
  const messages: InboundMessage[] = []
  const options: DeliveryOptions[] = []
  let adapter: RunningAdapter | undefined
  const { url, port } = await startServer({
    bodyLimitBytes: 5_000_000,
    routes: async (http) => {
      adapter = await httpAdapter.start({
        connection: undefined,
        publications: [],
        instance: { name: 'test', id: 'test-1' },
        slots: { take: async () => undefined },
        connected: () => undefined,
        failed: () => undefined,
        subscriptions: [
          {
            name: 'orders',
            contentType,
            options: httpSubscriptionOptions.parse({ path: '/in', ...given }),
            flow,
          },
        ],
        ...adapterTools({
          deliver: async (batch, how) => {
            messages.push(...batch)
            options.push(how)
            return Promise.all(batch.map(async (message) => deliver(message)))
          },
        }),
        http,
        jobs: { untilEnded },
        log,
      })
    },
  })
  if (adapter === undefined) throw new Error('no adapter')
  return { url: `${url}/in`, port, messages, options, adapter }
}

/** The same for a subscription that takes any bytes from those whom `verify` lets in. */
export function startVerified(
  verify: z.input<typeof httpSubscriptionOptions>['verify'],
  more: Parameters<typeof startAdapter>[0] = {},
): Promise<StartedAdapter> {
  return startAdapter({ contentType: 'binary', verify, ...more })
}

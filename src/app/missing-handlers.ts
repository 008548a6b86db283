import type { Configuration } from '../config/configuration.ts'
import { addressOf } from '../domain/outbound.ts'
import type { HandlerRegistry } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'

/** Says of subscriptions that name a handler which is not here that their jobs wait for another instance. */
export function warnOfMissingHandlers(
  { subscriptions }: Pick<Configuration, 'subscriptions'>,
  handlers: Pick<HandlerRegistry, 'get'>,
  log: Log,
): void {
  for (const { protocol, name, handler } of subscriptions) {
    if (handler === undefined || handlers.get(handler) !== undefined) continue
    log.warn(
      { subscription: addressOf(protocol, name), handler },
      'a subscription names a handler that no folder of jobs.handlers has: its jobs wait for another instance',
    )
  }
}

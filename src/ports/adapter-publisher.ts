import type { AdapterPublication } from './adapter.ts'
import type { OutboundMessage, Publishing } from './outbound.ts'

/** What publishes over a connection, apart from what receives: neither waits for the other. */
export interface AdapterPublisher {
  /** Why messages cannot go out now; `undefined`: they can. */
  problem(): string | undefined
  publish(
    publication: string,
    messages: readonly OutboundMessage[],
    signal: AbortSignal,
  ): Promise<readonly Publishing[]>
  /** Waits for what is being confirmed, and leaves. May be called twice. */
  stop(): Promise<void>
}

/** What an adapter does of it. */
export interface AdapterPublisherParts<Publication> {
  readonly publications: readonly Publication[]
  readonly problem: AdapterPublisher['problem']
  readonly send: (
    publication: Publication,
    messages: readonly OutboundMessage[],
    signal: AbortSignal,
  ) => Promise<readonly Publishing[]>
  /** Ends the connection; nothing is under way any more. May be called twice. */
  readonly leave: () => Promise<void>
}

/** Finds publications by their names, and knows what is under way. */
export function adapterPublisher<Publication extends Pick<AdapterPublication<unknown>, 'name'>>({
  publications,
  problem,
  send,
  leave,
}: AdapterPublisherParts<Publication>): AdapterPublisher {
  const byName = new Map(publications.map((one) => [one.name, one]))
  const calls = new Set<Promise<unknown>>()
  return {
    problem,
    publish: async (name, messages, signal) => {
      const publication = byName.get(name)
      if (publication === undefined) {
        return allUnsent(messages, `there is no publication ${name} here`)
      }
      const call = send(publication, messages, signal)
      calls.add(call)
      try {
        return await call
      } finally {
        calls.delete(call)
      }
    },
    stop: async () => {
      await Promise.allSettled(calls)
      await leave()
    },
  }
}

/** None of them has left, for this reason. */
export function allUnsent(
  messages: readonly OutboundMessage[],
  error: string,
): readonly Publishing[] {
  return messages.map(() => ({ outcome: 'unsent', error }))
}

import { setTimeout as delay } from 'node:timers/promises'
import { post } from '../e2e/http-client.ts'

/** Clients that send until they are acknowledged. */
export interface Posting {
  /** Keys that were acknowledged, each with every id that it was answered with. */
  readonly acknowledged: ReadonlyMap<string, ReadonlySet<string>>
  /** Tries that got no answer, or were told to come again. */
  readonly repeats: number
  /** Resolves when so many keys are acknowledged; rejects when the posting fails. */
  reached(count: number): Promise<void>
  /** Rejects with the first answer that was neither 202 nor 503. */
  readonly done: Promise<void>
  /** Ends the clients early, for a test that has failed. */
  stop(): Promise<void>
}

/** Posts `count` messages, each with a key of its own, by 32 clients at once that never give up. */
export function startPosting(url: string, count: number): Posting {
  const acknowledged = new Map<string, Set<string>>()
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  let next = 0
  let repeats = 0
  let stopped = false

  async function client(): Promise<void> {
    while (next < count && !stopped) {
      const key = `key-${(next += 1)}`
      await send(key)
      // Now and then one that was acknowledged is sent again, as a client does that lost the answer.
      if (acknowledged.size % 20 === 0) await send(key)
      for (const each of waiting) if (acknowledged.size >= each.count) each.resolve()
    }
  }

  async function send(key: string): Promise<void> {
    while (!stopped) {
      const answer = await post(`${url}/in/effect`, { key }, { 'idempotency-key': key }).catch(
        () => undefined,
      )
      if (answer?.status === 202) {
        const ids = acknowledged.get(key) ?? new Set()
        acknowledged.set(key, ids.add(String(answer.body['id'])))
        return
      }
      if (answer !== undefined && answer.status !== 503) {
        throw new Error(`${key} was answered ${answer.status}: ${answer.text}`)
      }
      repeats += 1
      await delay(25)
    }
  }

  const done = Promise.all(Array.from({ length: 32 }, client)).then(() => undefined)
  return {
    acknowledged,
    get repeats() {
      return repeats
    },
    reached: (wanted) =>
      Promise.race([
        new Promise<void>((resolve) => {
          if (acknowledged.size >= wanted) resolve()
          waiting.push({ count: wanted, resolve })
        }),
        // Nobody waits for a failed posting.
        done,
      ]),
    done,
    stop: async () => {
      stopped = true
      await done.catch(() => undefined)
    },
  }
}

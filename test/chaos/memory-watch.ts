import { setTimeout as delay } from 'node:timers/promises'
import { send } from '../e2e/http-client.ts'

/** Between two samples, in milliseconds. */
const SAMPLE_MS = 50

/** Samples the resident memory of a program until it is told to end; the highest, in bytes. */
export function watchMemory(url: string): () => Promise<number> {
  const over = new AbortController()
  let highest = 0
  const watching = (async () => {
    while (!over.signal.aborted) {
      highest = Math.max(highest, await rssOf(url))
      await delay(SAMPLE_MS)
    }
  })()
  return async () => {
    over.abort()
    await watching
    return highest
  }
}

/** The resident memory of a program now, in bytes. */
export async function rssOf(url: string): Promise<number> {
  const { body } = await send(`${url}/status`)
  return (body['memory'] as { readonly rss_bytes: number }).rss_bytes
}

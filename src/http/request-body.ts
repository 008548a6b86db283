import type { IncomingMessage } from 'node:http'

/** What a body turned out to be. */
export type ReceivedBody = { readonly bytes: Buffer } | 'too_large' | 'broken_off'

/** A body over the limit is still received, and dropped, up to this many bytes and this long. */
const DISCARD_BYTES = 64 * 1024 * 1024
const DISCARD_MS = 10_000

/**
 * Receives the body of a request. One over the limit is received to its end and dropped before it is
 * answered: most clients read no answer while they send, and would see a broken connection where the
 * answer was 413.
 */
export function receiveBody(request: IncomingMessage, limitBytes: number): Promise<ReceivedBody> {
  const { promise, resolve } = Promise.withResolvers<ReceivedBody>()
  let chunks: Buffer[] = []
  let received = 0
  let timer: NodeJS.Timeout | undefined
  const settle = (body: ReceivedBody): void => {
    clearTimeout(timer)
    resolve(body)
  }
  request.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received <= limitBytes) {
      chunks.push(chunk)
      return
    }
    chunks = []
    timer ??= setTimeout(() => settle('too_large'), DISCARD_MS)
    if (received > limitBytes + DISCARD_BYTES) settle('too_large')
  })
  request.once('end', () =>
    settle(received > limitBytes ? 'too_large' : { bytes: Buffer.concat(chunks, received) }),
  )
  request.once('error', () => settle('broken_off'))
  request.once('close', () => settle('broken_off'))
  return promise
}

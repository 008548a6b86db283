import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Line } from './line.ts'
import type { RequestHeaders } from './message-headers.ts'
import type { OutgoingRequest } from './outgoing.ts'

/** How long the body of an answer may take once its status is known, in milliseconds, and never past the time-out. */
const BODY_LIMIT_MS = 5_000

/** Beyond what is kept, this much is received and dropped, so that the connection can be used again. */
const DRAIN_BYTES = 65_536

/** The far side has answered. */
export interface Answered {
  readonly kind: 'answered'
  readonly status: number
  /** Of a repeated one what Node makes of it. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** At most as much as was asked for. */
  readonly body: Buffer
  /** Whether that is all of it. */
  readonly isWhole: boolean
}

/**
 * What came of a request. `unsent`: there was no connection, so that nothing of it has left. `unconfirmed`: it may
 * have arrived, and there was no answer.
 */
export type Exchange =
  Answered | { readonly kind: 'unsent' | 'unconfirmed'; readonly error: string }

/** Within what a request has to be answered. */
export interface ExchangeLimits {
  /** From now until the answer is there. */
  readonly timeoutMs: number
  /** How much of the body is kept. */
  readonly maxBodyBytes: number
  /** Breaks it off. */
  readonly signal: AbortSignal
}

/**
 * Sends one request and waits for its answer. Settles always, and never rejects.
 *
 * Whether anything has left is known by the connection: a new one is not used before its handshake is over and
 * its certificate is found good. The status settles what became of a request. Its body is only kept for people: one that breaks
 * off, never ends or comes drop by drop changes nothing, and ends with its connection.
 */
export function exchange(
  request: OutgoingRequest,
  line: Line,
  { timeoutMs, maxBodyBytes, signal }: ExchangeLimits,
): Promise<Exchange> {
  const { promise, resolve } = Promise.withResolvers<Exchange>()
  let hasLeft = false
  let isAnswered = false
  const sent = begin(request, line)

  const timers: NodeJS.Timeout[] = []
  const settle = (result: Exchange): void => {
    for (const timer of timers) clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    resolve(result)
  }
  const fail = (error: string): void => {
    settle({ kind: hasLeft ? 'unconfirmed' : 'unsent', error })
    sent.destroy()
  }
  const abort = (): void => {
    if (!isAnswered) fail('it was broken off, for nobody waited for it any more')
  }
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })

  const connecting = setTimeout(() => {
    fail(`there was no connection within ${line.connectTimeoutMs} ms`)
  }, line.connectTimeoutMs)
  const until = performance.now() + timeoutMs
  const waiting = setTimeout(() => {
    fail(`there was no answer within ${Math.round(timeoutMs)} ms`)
  }, timeoutMs)
  timers.push(connecting, waiting)

  line.onReady(sent, () => {
    hasLeft = true
    clearTimeout(connecting)
  })
  sent.once('response', (response: IncomingMessage) => {
    isAnswered = true
    clearTimeout(waiting)
    const body = collect(response, maxBodyBytes)
    timers.push(setTimeout(body.stop, Math.min(BODY_LIMIT_MS, until - performance.now())))
    void body.received.then(({ bytes, isWhole, isDrained }) => {
      // What is still on its way would be taken for the answer to the next request.
      if (!isDrained) sent.destroy()
      const { statusCode: status = 0, headers } = response
      settle({ kind: 'answered', status, headers: flat(headers), body: bytes, isWhole })
    })
  })
  sent.on('error', (error) => {
    // What comes after the status is the body's matter.
    if (isAnswered) return
    if (line.isRefusedHandshake(error, sent)) hasLeft = false
    fail(line.errorText(error))
  })
  // Without an answer a connection may also end in silence.
  sent.once('close', () => {
    if (!isAnswered) fail('the connection ended without an answer')
  })
  sent.end(request.body)
  return promise
}

function begin({ method, path, headers, body }: OutgoingRequest, line: Line): ClientRequest {
  const length = body === undefined ? undefined : { 'content-length': String(body.length) }
  return line.request({ method, path, headers: { ...nodeHeaders(headers), ...length } })
}

function nodeHeaders(headers: RequestHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : [...value],
    ]),
  )
}

interface CollectedBytes {
  readonly bytes: Buffer
  /** Nothing was left out. */
  readonly isWhole: boolean
  /** The answer has come to its end, whether all of it was kept or not. */
  readonly isDrained: boolean
}

interface CollectedBody {
  readonly received: Promise<CollectedBytes>
  /** Takes what has come for all that there is. */
  readonly stop: () => void
}

function collect(response: IncomingMessage, maxBytes: number): CollectedBody {
  const { promise, resolve } = Promise.withResolvers<CollectedBytes>()
  const chunks: Buffer[] = []
  let kept = 0
  let received = 0
  const finish = (isDrained: boolean): void => {
    const isWhole = isDrained && received === kept
    resolve({ bytes: Buffer.concat(chunks, kept), isWhole, isDrained })
  }
  response.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (kept < maxBytes) {
      // A copy: a part of a chunk would keep the whole of it in memory.
      const part = Buffer.from(chunk.subarray(0, maxBytes - kept))
      chunks.push(part)
      kept += part.length
    }
    if (received > maxBytes + DRAIN_BYTES) finish(false)
  })
  response.once('end', () => finish(response.complete))
  response.once('error', () => finish(false))
  response.once('close', () => finish(false))
  return { received: promise, stop: () => finish(false) }
}

function flat(headers: IncomingMessage['headers']): Answered['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'object' ? value.join(', ') : value,
    ]),
  )
}

import { errorMessage } from '../domain/errors.ts'
import { OUTBOUND_HANDLER, outboundQueue, published, type Published } from '../domain/outbound.ts'
import { PublicationError } from '../domain/publication-error.ts'
import type { Clock } from '../ports/clock.ts'
import type { MappingInput, MappingResult } from '../ports/expressions.ts'
import type { Gate } from '../ports/gate.ts'
import type { Handler, HandlerContext, HandlerJob, StoredPayload } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import type { OutboundMessage, Publish, Publishing } from '../ports/outbound.ts'
import { createPublishBatches } from './batches.ts'
import { createBreaker, type BreakerSettings, type BreakerState } from './breaker.ts'
import { createPublicationGate } from './gate.ts'
import { outboundMessage } from './outbound-message.ts'
import { createRateLimit } from './rate-limit.ts'
import { templateInput } from './template-input.ts'
import type { Templates } from './templates.ts'

/** Settings of one publication. */
export interface PublicationSettings {
  /** `protocol:name`. */
  readonly address: string
  readonly timeoutMs: number
  readonly maxRetries?: number | undefined
  readonly breaker: BreakerSettings
  readonly rateLimit?: { readonly count: number; readonly perMs: number } | undefined
  readonly templates: Templates
  /** Messages of one batch, at most. */
  readonly maxMessages: number
}

/** What {@link createPublication} needs beside its settings. */
export interface PublicationParts {
  /** Applies {@link Templates.rules} to messages. */
  readonly evaluate: (inputs: readonly MappingInput[]) => Promise<readonly MappingResult[]>
  readonly clock: Clock
  readonly log: Log
}

/** How a publication is. */
export interface PublicationStatus {
  readonly address: string
  readonly connected: boolean
  readonly breaker: BreakerState
  /** Messages that the far side has not confirmed yet. */
  readonly inFlight: number
  /** Of the last attempt that failed, until one succeeds. */
  readonly lastError: string | null
}

/** One place where messages go out. */
export interface Publication {
  readonly address: string
  /** Runs its rows. */
  readonly handler: Handler
  readonly gate: Gate
  connected(isConnected: boolean): void
  bind(publish: Publish | undefined): void
  status(): PublicationStatus
  stop(): void
}

/** What the handler has beyond the far side's time: for templates, and for its adapter to say so by itself. */
const SPARE_MS = 10_000

/** When a row comes again that stands in a queue of somebody else while its publication rests, in milliseconds. */
const FOREIGN_QUEUE_MS = 2_000

/** When a row comes again whose templates nobody can evaluate now, in milliseconds. */
const NO_EXPRESSIONS_MS = 2_000

/** A publication, which rests until an adapter is bound to it and says that it is connected. */
export function createPublication(
  settings: PublicationSettings,
  { evaluate, clock, log }: PublicationParts,
): Publication {
  const { address, templates, timeoutMs, maxMessages } = settings
  const queue = outboundQueue(address)
  const breaker = createBreaker(settings.breaker)
  const rateLimit = settings.rateLimit && createRateLimit(settings.rateLimit)
  let publish: Publish | undefined
  let isConnected = false
  let lastError: string | null = null
  const gate = createPublicationGate({
    isConnected: () => isConnected && publish !== undefined,
    breaker,
    rateLimit,
    clock,
  })
  const batches = createPublishBatches({
    publisher: () => (isConnected ? publish : undefined),
    maxMessages,
    timeoutMs,
    clock,
  })

  async function run({ input, job, signal }: HandlerContext<unknown>): Promise<Published> {
    const leave = job.queue === queue ? undefined : enterElsewhere()
    try {
      const message = await messageOf(job, input as StoredPayload)
      signal.throwIfAborted()
      const publishing = await batches.publish(message, signal)
      // What nobody waited for tells nothing of the far side.
      signal.throwIfAborted()
      return settled(publishing)
    } finally {
      if (leave !== undefined) {
        leave()
        // Whoever waits for the breaker's one try hears of it, also where nothing was sent.
        gate.changed()
      }
    }
  }

  /** A row in a queue of another name comes by another pool, which knows nothing of this gate. */
  function enterElsewhere(): () => void {
    if (gate.room() > 0) return gate.enter()
    const rests = `the publication '${address}' rests${lastError === null ? '' : `: ${lastError}`}`
    throw new PublicationError('publication_unsent', rests, { delayMs: FOREIGN_QUEUE_MS })
  }

  async function messageOf(job: HandlerJob, stored: StoredPayload): Promise<OutboundMessage> {
    const { rules } = templates
    const values = rules === undefined ? {} : await evaluated(templateInput(job, stored))
    return outboundMessage(job, stored, templates.render(values), templates.hasKey)
  }

  async function evaluated(input: MappingInput): Promise<Readonly<Record<string, string>>> {
    let result: MappingResult | undefined
    try {
      ;[result] = await evaluate([input])
    } catch (error) {
      throw new PublicationError('publication_unsent', errorMessage(error), {
        delayMs: NO_EXPRESSIONS_MS,
      })
    }
    if (result?.outcome === 'mapped') return result.values
    const problems = result?.outcome === 'invalid' ? result.problems : []
    const texts = problems.map(({ path, message }) => {
      const place = templates.placeOf(path.replace(/^map\./, ''))
      return place === undefined ? `the payload ${message}` : `'${place}' ${message}`
    })
    throw new PublicationError('template_failed', `a template failed: ${texts.join('; ')}`)
  }

  function settled(publishing: Publishing): Published {
    const before = breaker.state(clock.monotonicMs())
    try {
      return outcome(publishing)
    } finally {
      noteBreaker(before)
    }
  }

  function outcome(publishing: Publishing): Published {
    const now = clock.monotonicMs()
    switch (publishing.outcome) {
      case 'published':
        breaker.answered()
        lastError = null
        return published(publishing.answer)
      case 'refused': {
        lastError = publishing.error
        const { error, permanent, answer, retryAfterMs } = publishing
        // Whoever refuses a message for good is there, and takes others.
        if (permanent) breaker.answered()
        else breaker.failed(now, retryAfterMs)
        const code = permanent ? 'publication_refused' : 'publication_failed'
        throw new PublicationError(code, error, { answer, retryAfterMs })
      }
      case 'unconfirmed':
        lastError = publishing.error
        breaker.failed(now)
        throw new PublicationError('publication_failed', publishing.error)
      case 'unsent':
        lastError = publishing.error
        // Where the adapter has said so, it will say as well when the connection is there again.
        if (isConnected) breaker.unsent(now)
        throw new PublicationError('publication_unsent', publishing.error)
    }
  }

  function noteBreaker(before: BreakerState): void {
    const now = breaker.state(clock.monotonicMs())
    if (now === before) return
    if (now === 'open' && before === 'closed') {
      log.warn({ publication: address, error: lastError }, 'a publication rests after failures')
    } else if (now === 'closed') log.info({ publication: address }, 'a publication works again')
    gate.changed()
  }

  return {
    address,
    gate,
    handler: {
      name: OUTBOUND_HANDLER,
      takes: 'stored',
      transaction: 'none',
      maxRetries: settings.maxRetries,
      timeoutMs: timeoutMs + SPARE_MS,
      run,
    },
    connected: (is) => {
      if (is) breaker.reconnected()
      if (is !== isConnected) {
        log[is ? 'info' : 'warn'](
          { publication: address },
          is ? 'a publication is connected' : 'a publication rests: its connection is away',
        )
      }
      isConnected = is
      gate.changed()
    },
    bind: (next) => {
      publish = next
      if (next === undefined) isConnected = false
      gate.changed()
    },
    status: () => ({
      address,
      connected: isConnected && publish !== undefined,
      breaker: breaker.state(clock.monotonicMs()),
      inFlight: batches.inFlight(),
      lastError,
    }),
    stop: () => {
      gate.stop()
    },
  }
}

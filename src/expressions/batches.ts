import { CrossdockError } from '../domain/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { MappingInput, MappingResult } from '../ports/expressions.ts'
import type { Log } from '../ports/log.ts'
import { MAX_BATCH, type BatchRules } from './messages.ts'
import type { ExpressionProcess, ExpressionProcessEvents } from './process-keeper.ts'

/** What {@link createBatches} needs. */
export interface BatchesOptions {
  /** Starts a process; tests put their own in its place. */
  readonly start: (events: ExpressionProcessEvents) => ExpressionProcess
  readonly limitMs: number
  readonly clock: Clock
  readonly log: Log
}

/** Messages that are evaluated in a process of their own, batch by batch. */
export interface Batches {
  /** Rejects with `mapping_unavailable` or `instance_stopping`. */
  evaluate(rules: BatchRules, input: MappingInput): Promise<MappingResult>
  /** Ends the process. May be called twice. */
  stop(): Promise<void>
}

interface Entry {
  readonly rules: BatchRules
  readonly input: MappingInput
  readonly characters: number
  /** Its batch was lost: it is evaluated by itself now. */
  alone: boolean
  /** How often the process has died with it. */
  deaths: number
  resolve(result: MappingResult): void
  reject(error: Error): void
}

interface Batch {
  readonly entries: readonly Entry[]
  /** Which of them is under way. */
  index: number
  timer: Timer
}

/** Characters of one batch; a larger message goes alone. */
const MAX_BATCH_CHARACTERS = 2 * 1024 * 1024

/** Characters that may wait: more are refused, so that memory stays bounded. */
const MAX_WAITING_CHARACTERS = 64 * 1024 * 1024

/** What the process has beyond the limit to say by itself that it was reached. */
const SILENCE_MS = 100

/** How late our own timer may be before we take it for our delay and not the message's. */
const LATE_MS = 50

/** How long a process may take to be ready. */
const START_MS = 15_000

/** Until a process that could not be started is tried again. */
const RESTART_MS = 1_000

/** A message that was under way when the process died so often is to blame. */
const MAX_DEATHS = 2

/**
 * One batch is under way, and what arrives meanwhile is the next one. When the process falls silent, the
 * message under way has failed and the others of its batch are evaluated again, one at a time. So are all
 * of them when it dies: it may be the sum of them, or somebody else who ended it. The message under way at
 * its second death is to blame.
 */
export function createBatches({ start, limitMs, clock, log }: BatchesOptions): Batches {
  let queue: Entry[] = []
  let waiting = 0
  let child: ExpressionProcess | undefined
  let isReady = false
  let batch: Batch | undefined
  let failedAt: number | undefined
  let stopped = false
  let stopping: Promise<void> | undefined
  const ended = Promise.withResolvers<undefined>()

  function evaluate(rules: BatchRules, input: MappingInput): Promise<MappingResult> {
    const characters = 500 + input.payload.text.length
    if (stopped) return Promise.reject(stoppingError())
    if (waiting > 0 && waiting + characters > MAX_WAITING_CHARACTERS) {
      return Promise.reject(
        unavailable('more messages wait for expressions than memory has room for'),
      )
    }
    if (failedAt !== undefined && clock.monotonicMs() - failedAt < RESTART_MS) {
      return Promise.reject(unavailable('the process for expressions does not start'))
    }
    return new Promise((resolve, reject) => {
      waiting += characters
      queue.push({
        rules,
        input,
        characters,
        alone: false,
        deaths: 0,
        resolve: (result) => {
          waiting -= characters
          resolve(result)
        },
        reject: (error) => {
          waiting -= characters
          reject(error)
        },
      })
      // What arrives in the same turn of the event loop goes together.
      queueMicrotask(pump)
    })
  }

  function pump(): void {
    if (stopped || batch !== undefined) return
    if (child === undefined) startProcess()
    else if (isReady && queue.length > 0) send(child)
  }

  function startProcess(): void {
    isReady = false
    let timer: Timer | undefined
    let fresh: ExpressionProcess | undefined
    // What one that was ended for its silence still says is about nothing.
    const isCurrent = (): boolean => fresh !== undefined && fresh === child
    const events: ExpressionProcessEvents = {
      ready: () => {
        timer?.cancel()
        if (!isCurrent()) return
        isReady = true
        failedAt = undefined
        pump()
      },
      began: (index) => {
        if (!isCurrent() || batch === undefined || index <= batch.index) return
        batch.index = index
        batch.timer.cancel()
        batch.timer = limit()
      },
      results: ({ results }) => {
        if (isCurrent()) settle(results)
      },
      ended: () => {
        timer?.cancel()
        if (isCurrent()) onEnded()
      },
    }
    try {
      const started = start(events)
      fresh = started
      child = started
      timer = clock.after(START_MS, () => {
        started.kill()
      })
    } catch (error) {
      fail(error as Error)
    }
  }

  function send(to: ExpressionProcess): void {
    const entries = take()
    to.send({ kind: 'batch', messages: entries.map(({ rules, input }) => ({ rules, input })) })
    batch = { entries, index: 0, timer: limit() }
  }

  function take(): readonly Entry[] {
    let characters = 0
    let count = 0
    for (const entry of queue) {
      if (count > 0 && (entry.alone || characters + entry.characters > MAX_BATCH_CHARACTERS)) break
      characters += entry.characters
      count += 1
      if (entry.alone || count === MAX_BATCH) break
    }
    const taken = queue.slice(0, count)
    queue = queue.slice(count)
    return taken
  }

  function settle(results: readonly MappingResult[]): void {
    const done = batch
    batch = undefined
    done?.timer.cancel()
    done?.entries.forEach((entry, index) => {
      const result = results[index]
      if (result !== undefined) entry.resolve(result)
      else entry.reject(unavailable('the process for expressions gave no result'))
    })
    pump()
  }

  /** Our own clock: an expression that does not look at one is ended with its process. */
  function limit(again = false): Timer {
    const delayMs = limitMs + SILENCE_MS
    const due = clock.monotonicMs() + delayMs
    return clock.after(delayMs, () => {
      const current = batch
      if (current === undefined) return
      // The main thread, or the machine, has stood still: the answer may be there already.
      if (!again && clock.monotonicMs() - due > LATE_MS) {
        current.timer = limit(true)
        return
      }
      batch = undefined
      const { entries, index } = current
      log.warn({ messages: entries.length }, 'an expression took too long: its process is ended')
      entries[index]?.resolve(failed(`the expressions took longer than ${limitMs} ms`))
      evaluateAgain(entries.filter((_entry, place) => place !== index))
      const silent = child
      // The next one need not wait for the end of this one.
      child = undefined
      silent?.kill()
      startProcess()
    })
  }

  function evaluateAgain(entries: readonly Entry[]): void {
    for (const entry of entries) entry.alone = true
    queue = [...entries, ...queue]
  }

  function onEnded(): void {
    const wasReady = isReady
    const lost = batch
    child = undefined
    isReady = false
    batch = undefined
    lost?.timer.cancel()
    if (stopped) {
      for (const entry of [...(lost?.entries ?? []), ...queue]) entry.reject(stoppingError())
      queue = []
      ended.resolve(undefined)
      return
    }
    if (!wasReady) {
      fail(unavailable('the process for expressions does not start'))
      return
    }
    if (lost !== undefined) {
      log.warn({ messages: lost.entries.length }, 'the process for expressions died with a batch')
      const suspect = lost.entries[lost.index]
      if (suspect !== undefined) suspect.deaths += 1
      if (suspect !== undefined && suspect.deaths >= MAX_DEATHS) {
        suspect.resolve(failed('the expressions took more memory than there is for them'))
        evaluateAgain(lost.entries.filter((entry) => entry !== suspect))
      } else evaluateAgain(lost.entries)
    }
    startProcess()
  }

  function fail(error: Error): void {
    failedAt = clock.monotonicMs()
    log.error({ err: error }, 'expressions cannot be evaluated')
    for (const entry of queue) entry.reject(error)
    queue = []
  }

  async function stop(): Promise<void> {
    stopped = true
    if (child === undefined) {
      for (const entry of queue) entry.reject(stoppingError())
      queue = []
      return
    }
    child.kill()
    await ended.promise
  }

  startProcess()
  return { evaluate, stop: () => (stopping ??= stop()) }
}

function failed(message: string): MappingResult {
  return { outcome: 'invalid', reason: 'mapping_failed', problems: [{ path: '', message }] }
}

function unavailable(message: string): CrossdockError {
  return new CrossdockError('mapping_unavailable', message, { retryable: true })
}

function stoppingError(): CrossdockError {
  return new CrossdockError(
    'instance_stopping',
    'this instance is stopping; send it again in a moment',
    { retryable: true },
  )
}

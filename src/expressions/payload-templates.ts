import { CrossdockError } from '../domain/errors.ts'
import type { Json } from '../domain/json.ts'
import type { Clock } from '../ports/clock.ts'
import type { PayloadTemplates } from '../ports/conditions.ts'
import type { Log } from '../ports/log.ts'
import { createBatches, type Batches } from './batches.ts'
import { fillTemplate, readTemplate, type PayloadTemplate } from './payload-template.ts'
import { startExpressionProcess } from './process-keeper.ts'

/** What {@link createPayloadTemplates} needs. */
export interface PayloadTemplatesOptions {
  /** The file of the process. */
  readonly script: URL
  readonly clock: Clock
  readonly log: Log
}

/** How long the expressions of one payload may take together, in milliseconds. */
const LIMIT_MS = 250

const HEAP_MIB = 128

/** Templates that were read, the oldest forgotten. */
const MAX_KEPT = 500

/** Larger ones are read each time. */
const MAX_KEPT_CHARACTERS = 20_000

/**
 * Renders payload templates of schedules, which SQL may write at any time. Their expressions run under limits in a
 * process of their own, which is started at the first one.
 */
export function createPayloadTemplates({
  script,
  clock,
  log,
}: PayloadTemplatesOptions): PayloadTemplates & { stop(): Promise<void> } {
  const kept = new Map<string, PayloadTemplate>()
  let batches: Batches | undefined
  let stopped = false

  function templateOf(text: string): PayloadTemplate {
    const known = kept.get(text)
    if (known !== undefined) return known
    const made = readTemplate(text)
    const [oldest] = kept.keys()
    if (kept.size >= MAX_KEPT && oldest !== undefined) kept.delete(oldest)
    if (text.length <= MAX_KEPT_CHARACTERS) kept.set(text, made)
    return made
  }

  async function evaluate(expression: string, facts: Record<string, Json>, now: number) {
    if (stopped) {
      throw new CrossdockError('instance_stopping', 'expressions are not evaluated any more', {
        retryable: true,
      })
    }
    batches ??= createBatches({
      start: (events) =>
        startExpressionProcess(
          { script, rules: [], limitMs: LIMIT_MS, heapMib: HEAP_MIB, log },
          events,
        ),
      limitMs: LIMIT_MS,
      clock,
      log,
    })
    const result = await batches.evaluate(
      { map: { payload: { expression } } },
      { payload: { kind: 'text', text: '' }, headers: {}, facts, receivedAtMs: now },
    )
    if (result.outcome === 'mapped') return JSON.parse(result.values['payload'] ?? '{}') as object
    const problems = result.outcome === 'invalid' ? result.problems : []
    throw new CrossdockError('input_invalid', problems.map(({ message }) => message).join('; '))
  }

  return {
    render: async (text, { scheduledFor, now, schedule }) => {
      if (!text.includes('{{')) return text
      const template = templateOf(text)
      const facts = {
        scheduled_for: new Date(scheduledFor).toISOString(),
        now: new Date(now).toISOString(),
        schedule: { ...schedule },
      }
      return fillTemplate(template, { ...(await evaluate(template.expression, facts, now)) })
    },
    stop: async () => {
      stopped = true
      await batches?.stop()
    },
  }
}

import { setTimeout } from 'node:timers/promises'
import { defineHandler } from 'crossdock'
import { z } from 'zod'

/** Below the default time-out of five minutes, so that a job within its limits can end. */
const MAX_TOTAL_MS = 240_000

/** Takes its time, and says how far it is: for trying out progress, cancellation and shutdown. */
export default defineHandler({
  name: 'examples.slow',
  input: z
    .object({
      steps: z.int().min(1).max(1000),
      step_ms: z.int().min(0).max(60_000),
    })
    .refine(({ steps, step_ms }) => steps * step_ms <= MAX_TOTAL_MS, {
      message: `steps × step_ms may be at most ${String(MAX_TOTAL_MS)} milliseconds`,
    }),
  async run({ input, progress, signal }) {
    for (let step = 1; step <= input.steps; step += 1) {
      // Rejects as soon as the signal aborts: the job ends early.
      await setTimeout(input.step_ms, undefined, { signal })
      await progress(step, input.steps, `step ${String(step)} of ${String(input.steps)}`)
    }
    return { steps: input.steps }
  },
})

import { z } from 'zod'

/** What a subscription of `integrations.signalr` says beyond the common keys. */
export const signalrSubscriptionOptions = z.strictObject({
  event: z
    .string()
    .min(1)
    .max(255)
    .describe('The event: the client method that the hub calls. Capitals make no difference.'),
  result: z
    .enum(['job_id', 'job', 'true', 'null'])
    .prefault('job_id')
    .describe(
      'What a hub is answered that waits for a result, after the COMMIT: the id of the job, `{"job_id", "outcome"}`, `true` or `null`.',
    ),
  max_held: z
    .int()
    .min(1)
    .max(1_000_000)
    .prefault(10_000)
    .describe(
      'Events that are held until they are stored, at most. Above it a hub that waits is told so; an event for which it does not wait is lost, and counted.',
    ),
  max_held_bytes: z
    .int()
    .min(1_000)
    .max(4_294_967_296)
    .prefault(67_108_864)
    .describe('The same in bytes, together.'),
})

/** Checked options of a subscription. */
export type SignalrSubscriptionOptions = z.output<typeof signalrSubscriptionOptions>

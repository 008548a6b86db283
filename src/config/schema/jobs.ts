import { z } from 'zod'
import { duration, durationSeconds } from '../duration.ts'
import { queueName, retryCount, workerCount } from './names.ts'

const SECOND_MS = 1_000
const DAY_MS = 86_400_000

const retrySchema = z
  .strictObject({
    type: z
      .enum(['exponential', 'fixed'])
      .prefault('exponential')
      .describe(
        '`exponential`: initial × factor^n, n from 0. `fixed`: always `initial`. Both ± `jitter`.',
      ),
    initial: duration({ unit: 's' }).prefault('30s').describe('Wait before the first retry.'),
    max: duration({ unit: 's' }).prefault('10m').describe('The longest wait.'),
    factor: z.number().min(1).max(100).prefault(2).describe('How much longer each wait is.'),
    jitter: z
      .number()
      .min(0)
      .max(1)
      .prefault(0.1)
      .describe('Share of the wait that chance adds or takes: 0.1 is ±10 %.'),
  })
  .prefault({})
  .describe('The wait between attempts, where the handler says nothing.')

const queueSchema = z.strictObject({
  workers: workerCount
    .optional()
    .describe('Workers that serve this queue alone. Left out: as many as `jobs.workers`.'),
  paused: z.boolean().prefault(false).describe('true: nothing of this queue is claimed here.'),
})

/** So many days; a fraction is one. */
const days = z.number().min(0).max(36_500)

/** The schema of `jobs`. */
export const jobsSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .prefault(true)
      .describe('false: this instance receives and serves, and runs nothing.'),
    workers: workerCount
      .prefault(5)
      .describe('Jobs that run at once, of every queue that `queues` does not list.'),
    poll_interval: duration({ unit: 's', minMs: 10 })
      .prefault('5s')
      .describe('The longest sleep of an idle worker. Wake-ups make the usual wait milliseconds.'),
    max_retries: retryCount
      .prefault(3)
      .describe('Attempts after the first, where neither row, subscription nor handler says.'),
    timeout: durationSeconds({ unit: 's', minMs: SECOND_MS })
      .prefault('5m')
      .describe('How long a handler may run, where neither row, subscription nor handler says.'),
    lease_seconds: duration({ unit: 's', minMs: SECOND_MS, maxMs: DAY_MS })
      .prefault('30s')
      .describe("After this time without a sign of life a process's jobs run elsewhere."),
    retry: retrySchema,
    queues: z
      .record(queueName, queueSchema)
      .prefault({})
      .describe('Queues with workers of their own, by name.'),
    handlers: z
      .array(z.string().min(1))
      .prefault([])
      .describe('Folders of handlers, relative to this file.'),
    shutdown_grace_seconds: duration({ unit: 's' })
      .prefault('30s')
      .describe(
        'How long running handlers may go on after the stop signal. Also how long a handler that ignores its time-out keeps its worker.',
      ),
    history_payloads: z
      .enum(['changed', 'always', 'never'])
      .prefault('changed')
      .describe(
        "When `job_histories.inputdata` is kept: where it differs from the job's payload, always, never. In this version no payload changes, and `changed` keeps nothing.",
      ),
    job_history_retention_days: days
      .prefault(90)
      .describe('After so many days `system.retention` removes a history. 0: never.'),
    job_retention_days: days
      .prefault(90)
      .describe(
        'After so many days `system.retention` removes a job that has ended, dead letters too; never while it has a history left. 0: never.',
      ),
    inbox_retention_days: days
      .prefault(7)
      .describe(
        'A job that has an inbox key is kept for so many days at least: a message that comes again within them is the same job. 0: for ever.',
      ),
    use_redis: z
      .boolean()
      .prefault(false)
      .describe(
        'Kept for old files: Redis is used exactly when `cache.adapter` is `redis`. `true` warns where it is not.',
      ),
    scheduler_check_interval: duration({ unit: 's', minMs: 10 })
      .prefault('60s')
      .describe(
        'The longest sleep of the scheduler: by then it sees a schedule that SQL has changed. PostgreSQL tells it within milliseconds.',
      ),
  })
  .prefault({})
  .describe('How jobs run.')

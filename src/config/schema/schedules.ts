import { z } from 'zod'
import { MISFIRE_POLICIES, OVERLAP_POLICIES, MAX_JITTER_SECONDS } from '../../domain/schedule.ts'
import type { Json } from '../../domain/json.ts'
import { durationSeconds } from '../duration.ts'
import { columnText, handlerName, priorityNumber, queueName, retryCount } from './names.ts'

const instant = z.iso
  .datetime({ offset: true })
  .meta({ expects: 'a time such as "2027-01-31T08:00:00Z"', term: 'time' })

const scheduleSchema = z.strictObject({
  name: columnText(255).describe(
    'Its name in `jobs`; what is declared under another is another schedule.',
  ),
  description: z.string().optional().describe('For people.'),
  cron: columnText(100)
    .optional()
    .describe(
      'Five fields, six with seconds in front, or a name such as `@daily`. This or `every`.',
    ),
  every: durationSeconds({ unit: 's', minMs: 1_000 })
    .optional()
    .describe('An interval, from when it was made or from `start_at`.'),
  timezone: columnText(100).prefault('UTC').describe('Of `cron`: an IANA name.'),
  handler: handlerName.describe('The handler of its jobs.'),
  payload: z
    .custom<Json>((value) => value !== undefined)
    .meta({ expects: 'any JSON value', term: 'JSON' })
    .optional()
    .describe(
      'What its jobs are given. Texts in it may hold `{{ jsonata }}` over `scheduled_for`, `now`, `schedule`.',
    ),
  queue: queueName.prefault('default').describe('Of its jobs.'),
  priority: priorityNumber.prefault(0).describe('Of its jobs; higher runs first.'),
  max_retries: retryCount
    .optional()
    .describe("Attempts after the first. Left out: the handler's, else `jobs.max_retries`."),
  timeout: durationSeconds({ unit: 's', minMs: 1_000 })
    .optional()
    .describe("How long its handler may run. Left out: the handler's, else `jobs.timeout`."),
  condition: z.string().min(1).optional().describe('SQL that must hold for a tick to fire.'),
  misfire: z
    .enum(MISFIRE_POLICIES)
    .prefault('fire_once')
    .describe('Ticks that were missed: the latest fires, none, or all.'),
  overlap: z
    .enum(OVERLAP_POLICIES)
    .prefault('allow')
    .describe('While the job before has not ended: fire, make no job, or let one wait for it.'),
  jitter: durationSeconds({ unit: 's', maxMs: MAX_JITTER_SECONDS * 1_000 })
    .prefault(0)
    .describe('Jobs begin up to so much after their tick, by chance.'),
  enabled: z.boolean().prefault(true).describe('false: it does not fire.'),
  start_at: instant.optional().describe('No tick before it.'),
  end_at: instant.optional().describe('No tick after it.'),
  max_executions: z.int().min(0).max(2_147_483_647).prefault(0).describe('0: no limit.'),
  tenant_id: columnText(255).optional().describe('Of its jobs.'),
})

/** The schema of `schedules`. */
export const schedulesSchema = z
  .array(scheduleSchema)
  .prefault([])
  .describe(
    'Schedules that are written into `jobs` at start. What was changed there since is left as it is.',
  )

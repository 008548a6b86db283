import { CrossdockError } from '../domain/errors.ts'
import type { ScheduleSettings, StoredSchedule } from '../ports/schedule-book.ts'
import type { ScheduleDesk } from './application.ts'
import { overHttp } from './over-http.ts'

type Fields = Readonly<Record<string, unknown>>

/** Which member of the API each setting of the commands is. */
const MEMBERS: Readonly<Record<keyof ScheduleSettings, string>> = {
  name: 'name',
  handler: 'handler',
  description: 'description',
  cronExpression: 'cron',
  intervalSeconds: 'interval_seconds',
  timeZone: 'timezone',
  payload: 'payload',
  queue: 'queue',
  condition: 'condition',
  misfirePolicy: 'misfire',
  overlapPolicy: 'overlap',
  jitterSeconds: 'jitter_seconds',
  enabled: 'enabled',
  priority: 'priority',
  maxRetries: 'max_retries',
  timeoutSeconds: 'timeout',
  maxExecutions: 'max_executions',
  startAt: 'start_at',
  endAt: 'end_at',
  tenantId: 'tenant_id',
}

/**
 * The schedules of a running instance, as its API gives them. What it refuses is thrown with its own words, so that every
 * outcome is `done`.
 * @throws CrossdockError `usage`
 */
export function schedulesOverHttp(url: string): ScheduleDesk {
  /** What the API said of each, for `--json`. */
  const said = new WeakMap<object, object>()

  function stored(fields: Fields): StoredSchedule {
    const at = (name: string): number | null => instantOf(fields[name])
    const schedule: StoredSchedule = {
      ...settingsOf(fields),
      id: String(fields['id']),
      active: fields['active'] === true,
      executionCount: Number(fields['execution_count']),
      lastRunAt: at('last_run_at'),
      nextRunAt: at('next_run_at'),
      lastError: textOf(fields['error']),
      createdBy: textOf(fields['created_by']),
      createdAt: at('created_at') ?? NaN,
      modifiedAt: at('modified_at') ?? NaN,
      version: NaN,
    }
    said.set(schedule, fields)
    return schedule
  }

  const one = (idOrName: string): string => `/api/schedules/${encodeURIComponent(idOrName)}`
  const done = <Value>(value: Value) => ({ kind: 'done' as const, value })

  return {
    operations: {
      list: async ({ after, limit }) => {
        const cursor = after === null ? '' : `&cursor=${encodeURIComponent(after)}`
        const page = await overHttp(url, `/api/schedules?limit=${limit}${cursor}`)
        return rowsOf(page['data']).map(stored)
      },
      find: async (idOrName) => stored(await overHttp(url, one(idOrName))),
      create: async (settings) =>
        done(stored(await overHttp(url, '/api/schedules', { body: bodyOf(settings) }))),
      change: async ({ idOrName }, settings) =>
        done(
          stored(await overHttp(url, one(idOrName), { method: 'PATCH', body: bodyOf(settings) })),
        ),
      remove: async ({ idOrName }) => {
        // Every writing route wants JSON: no web page can send it unasked.
        await overHttp(url, one(idOrName), { method: 'DELETE', body: '{}' })
        return done(undefined)
      },
      run: async (idOrName) => {
        const made = await overHttp(url, `${one(idOrName)}/run`, { body: '{}' })
        return done({ jobId: String(made['job_id']) })
      },
      preview: async (idOrName, count) => {
        const given = await overHttp(url, `${one(idOrName)}/preview?count=${count}`)
        const preview = {
          timeZone: String(given['timezone']),
          ticks: rowsOf(given['ticks']).map(({ at, local, reason }) => ({
            at: instantOf(at) ?? NaN,
            local: String(local),
            ...(typeof reason === 'string' && { reason }),
          })),
          reasons: Array.isArray(given['reasons']) ? given['reasons'].map(String) : [],
        }
        said.set(preview, given)
        return done(preview)
      },
      backfill: async (idOrName, { from, to }) => {
        const window = { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
        const body = JSON.stringify(window)
        const made = await overHttp(url, `${one(idOrName)}/backfill`, { body })
        const ids = made['job_ids']
        return done({
          jobIds: Array.isArray(ids) ? ids.map(String) : [],
          existing: Number(made['existing']),
        })
      },
    },
    scheduleJson: (schedule) => said.get(schedule) ?? {},
    previewJson: (preview) => said.get(preview) ?? {},
  }
}

/** As text: numbers of a payload beyond 2^53 stay what they are. */
function bodyOf(settings: Partial<ScheduleSettings>): string {
  const members = Object.entries(settings).map(([name, value]) => {
    const member = JSON.stringify(MEMBERS[name as keyof ScheduleSettings])
    return `${member}:${name === 'payload' ? payloadOf(value) : JSON.stringify(value)}`
  })
  return `{${members.join(',')}}`
}

function payloadOf(value: ScheduleSettings[keyof ScheduleSettings]): string {
  const text = String(value)
  try {
    JSON.parse(text)
    return text
  } catch (cause) {
    throw new CrossdockError(
      'usage',
      '--payload is no JSON: an instance takes no other over --url; write it without --url, into the database',
      { cause },
    )
  }
}

function settingsOf(fields: Fields): ScheduleSettings {
  const settings = Object.entries(MEMBERS).map(([name, member]) => {
    if (name === 'payload') return [name, fields['payload_text']]
    return [
      name,
      name === 'startAt' || name === 'endAt' ? instantOf(fields[member]) : fields[member],
    ]
  })
  return Object.fromEntries(settings) as ScheduleSettings
}

function rowsOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Fields[]) : []
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function instantOf(value: unknown): number | null {
  return typeof value === 'string' ? Date.parse(value) : null
}

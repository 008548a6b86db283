import type { ScheduleSettings, StoredSchedule } from '../ports/schedule-book.ts'
import { NEVER, timeText } from './schedule-rows.ts'

/** How a setting travels between a row and the program. A `from` is a time from which ticks count: rounded up, as the scheduler does. */
type Kind = 'plain' | 'flag' | 'time' | 'from'

/** The column of each setting of a schedule, and how it travels. The one place that knows both. */
export const SETTINGS: Readonly<Record<keyof ScheduleSettings, readonly [string, Kind]>> = {
  name: ['name', 'plain'],
  description: ['description', 'plain'],
  handler: ['handler', 'plain'],
  cronExpression: ['cronexpression', 'plain'],
  intervalSeconds: ['intervalseconds', 'plain'],
  timeZone: ['timezone', 'plain'],
  startAt: ['startat', 'from'],
  endAt: ['endat', 'time'],
  maxExecutions: ['maxexecutions', 'plain'],
  enabled: ['enabled', 'flag'],
  condition: ['condition', 'plain'],
  priority: ['priority', 'plain'],
  maxRetries: ['maxretries', 'plain'],
  timeoutSeconds: ['timeout', 'plain'],
  queue: ['queue', 'plain'],
  payload: ['payload', 'plain'],
  misfirePolicy: ['misfirepolicy', 'plain'],
  overlapPolicy: ['overlappolicy', 'plain'],
  jitterSeconds: ['jitterseconds', 'plain'],
  tenantId: ['tenantid', 'plain'],
}

/** The names of all settings. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly (keyof ScheduleSettings)[]

/** What the program sets itself. */
const OWN: Readonly<Record<string, Kind>> = {
  id: 'plain',
  active: 'flag',
  executioncount: 'plain',
  lastrunat: 'time',
  nextrunat: 'time',
  lasterror: 'plain',
  createdby: 'plain',
  createdon: 'from',
  modifiedon: 'time',
  rowversionstamp: 'plain',
}

/** Every column, for a SELECT. */
export function selectList(dialect: {
  readonly quote: (column: string) => string
  readonly floorMs: (column: string) => string
  readonly ceilMs: (column: string) => string
}): string {
  const all: readonly (readonly [string, Kind])[] = [
    ...Object.values(SETTINGS),
    ...Object.entries(OWN),
  ]
  return all
    .map(([column, kind]) => {
      const name = dialect.quote(column)
      if (kind === 'time') return `${dialect.floorMs(name)} AS ${name}`
      return kind === 'from' ? `${dialect.ceilMs(name)} AS ${name}` : name
    })
    .join(', ')
}

/** A setting as its column takes it. */
export function columnValue(
  name: keyof ScheduleSettings,
  value: ScheduleSettings[keyof ScheduleSettings],
): string | number | boolean | null {
  return ['time', 'from'].includes(SETTINGS[name][1]) && typeof value === 'number'
    ? timeText(value)
    : value
}

/** A row that {@link selectList} gave. */
export function storedSchedule(row: Readonly<Record<string, unknown>>): StoredSchedule {
  const read = ([column, kind]: readonly [string, Kind]): unknown => {
    const value = row[column]
    if (kind === 'flag') return Boolean(value)
    const isTime = kind === 'time' || kind === 'from'
    return isTime && value !== null && value !== undefined ? Number(value) : value
  }
  const settings = Object.fromEntries(SETTING_NAMES.map((name) => [name, read(SETTINGS[name])]))
  const own = Object.fromEntries(Object.entries(OWN).map((entry) => [entry[0], read(entry)]))
  return {
    ...(settings as unknown as ScheduleSettings),
    id: String(own['id']),
    active: Boolean(own['active']),
    executionCount: Number(own['executioncount']),
    lastRunAt: own['lastrunat'] as number | null,
    nextRunAt:
      own['nextrunat'] === Date.parse(`${NEVER}Z`) ? null : (own['nextrunat'] as number | null),
    lastError: own['lasterror'] as string | null,
    createdBy: own['createdby'] as string | null,
    createdAt: Number(own['createdon']),
    modifiedAt: Number(own['modifiedon']),
    version: Number(own['rowversionstamp']),
  }
}

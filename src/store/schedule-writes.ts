import { CrossdockError } from '../domain/errors.ts'
import type { ScheduleSettings } from '../ports/schedule-book.ts'
import { columnValue, SETTING_NAMES, SETTINGS } from './schedule-columns.ts'

/** Runs one statement, its values in place of `?`. */
export type Ask = (
  text: string,
  values: readonly (string | number | boolean | null)[],
) => Promise<{
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly affected: number
}>

/** What the statements of {@link makeScheduleBook} take from a dialect. */
export interface BookDialect {
  readonly jobs: string
  readonly queueJobs: string
  readonly declared: string
  readonly now: string
  readonly quote: (column: string) => string
  readonly floorMs: (column: string) => string
  readonly ceilMs: (column: string) => string
  /** Behind an INSERT: a row whose key is taken is left out. */
  readonly orNothing: { readonly verb: string; readonly tail: string }
  /** Statements that commit together; other instances are told that schedules have changed. */
  readonly transaction: <T>(work: (ask: Ask) => Promise<T>) => Promise<T>
}

/** Inserts a schedule with all its settings. */
export async function insertSchedule(
  ask: Ask,
  { jobs, quote }: BookDialect,
  row: {
    readonly id: string
    readonly settings: ScheduleSettings
    readonly createdBy: string | null
  },
): Promise<void> {
  const sets = settingsGiven(row.settings)
  const names = ['id', 'createdby', ...sets.map(({ column }) => quote(column))]
  const { affected } = await ask(
    `INSERT INTO ${jobs} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    [row.id, row.createdBy, ...sets.map(({ value }) => value)],
  )
  if (affected !== 1) throw new CrossdockError('database_error', 'a schedule was not inserted')
}

/** The columns of the settings that are given, and their values. */
export function settingsGiven(
  settings: Partial<ScheduleSettings>,
): readonly { readonly column: string; readonly value: string | number | boolean | null }[] {
  return SETTING_NAMES.flatMap((name) => {
    const value = settings[name]
    return value === undefined
      ? []
      : [{ column: SETTINGS[name][0], value: columnValue(name, value) }]
  })
}

import { randomUUID } from 'node:crypto'
import type {
  Declaration,
  DeclarationReport,
  ScheduleSettings,
  StoredSchedule,
} from '../ports/schedule-book.ts'
import { type Ask, type BookDialect, insertSchedule, settingsGiven } from './schedule-writes.ts'
import { selectList, SETTING_NAMES, storedSchedule } from './schedule-columns.ts'

/** What a source declared last of a schedule. */
interface Former {
  readonly source: string
  readonly declared: Partial<ScheduleSettings>
  readonly removed: boolean
}

/** A row that nobody declares: whoever has it locked is alone. */
const GATE = ''

/** Writes a declaration; see {@link Declaration}. In the caller's transaction. */
export async function declareSchedules(
  ask: Ask,
  dialect: BookDialect,
  { source, schedules, disableOthers }: Declaration,
): Promise<DeclarationReport> {
  await passGate(ask, dialect)
  const former = await readFormer(ask, dialect)
  const own = [...former].filter(([, each]) => each.source === source && !each.removed)
  const wanted = new Set(schedules.map(({ name }) => name))
  const gone = disableOthers ? own.filter(([name]) => !wanted.has(name)) : []
  const rows = await readRows(ask, dialect, [...wanted, ...gone.map(([name]) => name)])
  const report = {
    made: [] as string[],
    changed: [] as string[],
    disabled: [] as string[],
    leftAlone: [] as string[],
  }

  for (const settings of schedules) {
    const { name } = settings
    const [row, known] = [rows.get(name), former.get(name)]
    if (known === undefined || (known.removed && row === undefined)) {
      // A row of somebody else's, or one that is there for the first time.
      if (row !== undefined) {
        report.leftAlone.push(name)
        continue
      }
      await insertSchedule(ask, dialect, { id: randomUUID(), settings, createdBy: source })
      report.made.push(name)
    } else if (row === undefined || known.source !== source) {
      report.leftAlone.push(name)
      continue
    } else if (await follow(ask, dialect, { row, known: known.declared, settings })) {
      report.changed.push(name)
    }
    await remember(ask, dialect, { name, source, declared: settings, removed: false })
  }
  for (const [name, known] of gone) {
    const row = rows.get(name)
    const declared = { ...known.declared, enabled: false }
    if (
      row !== undefined &&
      (await follow(ask, dialect, { row, known: known.declared, settings: declared }))
    ) {
      report.disabled.push(name)
    }
    await remember(ask, dialect, { name, source, declared, removed: true })
  }
  return report
}

async function passGate(ask: Ask, { declared, orNothing }: BookDialect): Promise<void> {
  await ask(
    `INSERT ${orNothing.verb} INTO ${declared} (name, source, declared) VALUES (?, ?, ?) ${orNothing.tail}`,
    [GATE, '', '{}'],
  )
  await ask(`SELECT name FROM ${declared} WHERE name = ? FOR UPDATE`, [GATE])
}

async function readFormer(
  ask: Ask,
  { declared }: BookDialect,
): Promise<ReadonlyMap<string, Former>> {
  const { rows } = await ask(`SELECT name, source, declared, removed FROM ${declared}`, [])
  return new Map(
    rows
      .filter(({ name }) => name !== GATE)
      .map((row) => {
        const json = row['declared']
        const settings: unknown = typeof json === 'string' ? JSON.parse(json) : json
        return [
          String(row['name']),
          {
            source: String(row['source']),
            declared: settings as Partial<ScheduleSettings>,
            removed: Boolean(row['removed']),
          },
        ]
      }),
  )
}

async function readRows(
  ask: Ask,
  dialect: BookDialect,
  names: readonly string[],
): Promise<ReadonlyMap<string, StoredSchedule>> {
  if (names.length === 0) return new Map()
  const { rows } = await ask(
    `SELECT ${selectList(dialect)} FROM ${dialect.jobs} WHERE name IN (${names.map(() => '?').join(', ')})
      ORDER BY id FOR UPDATE`,
    names,
  )
  return new Map(rows.map(storedSchedule).map((row) => [row.name, row]))
}

/** Changes the columns that still hold what was declared last. Returns whether there were any. */
async function follow(
  ask: Ask,
  { jobs, quote, now }: BookDialect,
  {
    row,
    known,
    settings,
  }: {
    readonly row: StoredSchedule
    readonly known: Partial<ScheduleSettings>
    readonly settings: Partial<ScheduleSettings>
  },
): Promise<boolean> {
  const changes = Object.fromEntries(
    SETTING_NAMES.filter((name) => {
      const value = settings[name]
      return value !== undefined && row[name] === known[name] && row[name] !== value
    }).map((name) => [name, settings[name]]),
  )
  const sets = settingsGiven(changes)
  if (sets.length === 0) return false
  const columns = sets.map(({ column }) => `${quote(column)} = ?`).join(', ')
  await ask(
    `UPDATE ${jobs} SET ${columns}, rowversionstamp = rowversionstamp + 1, modifiedon = ${now} WHERE id = ?`,
    [...sets.map(({ value }) => value), row.id],
  )
  return true
}

async function remember(
  ask: Ask,
  { declared, now }: BookDialect,
  { name, source, declared: settings, removed }: Former & { readonly name: string },
): Promise<void> {
  const json = JSON.stringify(settings)
  const { affected } = await ask(
    `UPDATE ${declared} SET source = ?, declared = ?, removed = ?, modifiedon = ${now} WHERE name = ?`,
    [source, json, removed, name],
  )
  if (affected > 0) return
  await ask(`INSERT INTO ${declared} (name, source, declared, removed) VALUES (?, ?, ?, ?)`, [
    name,
    source,
    json,
    removed,
  ])
}

import type { Touched, TouchedTable } from '../../ports/rehearsal.ts'

/** The server's answer to a statement that gives no rows. */
export interface StatementAnswer {
  readonly affectedRows: number
  /** Such as `Records: 3  Duplicates: 1  Warnings: 0`; empty for a single row. */
  readonly info: string
}

/** Adds up what statements answered. */
export interface TouchedRows {
  /** A statement has run. `answer`: `undefined` where it gave rows. */
  note(text: string, answer: StatementAnswer | undefined): void
  /** Something ran, or may run, that answers elsewhere. */
  incomplete(): void
  touched(): Touched
}

type Counts = { -readonly [Key in keyof TouchedTable]: TouchedTable[Key] }

const COMMENTS = /\/\*[^]*?\*\/|(?:--\s|#)[^\n]*/g

/** The table of a statement that changes one: quoted or not, with its database or without. */
const CHANGE =
  /^\s*(insert|replace|update|delete)\s+(?:(?:low_priority|delayed|high_priority|ignore|quick)\s+)*(?:(?:into|from)\s+)?((?:`[^`]+`|[\w$]+)(?:\s*\.\s*(?:`[^`]+`|[\w$]+))?)/i

/** Statements that change no rows. */
const HARMLESS = /^\s*(?:set|savepoint|release|rollback\s+to|use|do)\b/i

/** Nothing yet. */
export function createTouchedRows(): TouchedRows {
  const tables = new Map<string, Counts>()
  let complete = true
  return {
    note: (text, answer) => {
      if (answer === undefined) return
      const bare = text.replaceAll(COMMENTS, ' ')
      const change = CHANGE.exec(bare)
      if (change === null) {
        if (!HARMLESS.test(bare)) complete = false
        return
      }
      const [, verb = '', name = ''] = change
      const table = name.replaceAll(/[`\s]/g, '')
      const counts = tables.get(table) ?? { table, inserted: 0, updated: 0, deleted: 0 }
      tables.set(table, counts)
      count(counts, verb.toLowerCase(), bare, answer)
    },
    incomplete: () => {
      complete = false
    },
    touched: () => ({
      tables: [...tables.values()]
        .filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)
        .sort((one, other) => (one.table < other.table ? -1 : 1)),
      complete,
    }),
  }
}

/**
 * A row that was there already counts twice in the answer to INSERT … ON DUPLICATE KEY UPDATE, as an
 * update, and to REPLACE, as a delete and an insert.
 */
function count(counts: Counts, verb: string, text: string, answer: StatementAnswer): void {
  const { affectedRows } = answer
  const isUpsert = verb === 'insert' && /\bon\s+duplicate\s+key\s+update\b/i.test(text)
  if (verb === 'update') counts.updated += affectedRows
  else if (verb === 'delete') counts.deleted += affectedRows
  else if (verb === 'insert' && !isUpsert) counts.inserted += affectedRows
  else {
    const [, records, duplicates] = /Records: (\d+)\s+Duplicates: (\d+)/.exec(answer.info) ?? []
    const doubled = affectedRows > 1 ? 1 : 0
    const given = Number(records ?? Math.min(affectedRows, 1))
    const met = Number(duplicates ?? doubled)
    if (verb === 'replace') {
      counts.inserted += given
      counts.deleted += affectedRows - given
    } else {
      counts.inserted += given - met
      // One that was found and left as it was counts as none.
      counts.updated += Math.max(0, affectedRows - (given - met)) / 2
    }
  }
}

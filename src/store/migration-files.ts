import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CrossdockError } from '../domain/errors.ts'

/** One file of `migrations/<dialect>/`. */
export interface MigrationFile {
  readonly number: number
  readonly name: string
  readonly path: string
  readonly sql: string
  /** sha256 of the file, line ends made equal. */
  readonly checksum: string
}

/** A migration as the database remembers it. */
export interface AppliedMigration {
  readonly number: number
  readonly name: string
  /** `null`: run by hand, not yet seen by `migrate`. */
  readonly checksum: string | null
  /** Whether a program that does not know it must not start. */
  readonly breaking: boolean
}

/** What is to be done. */
export interface MigrationPlan {
  readonly pending: readonly MigrationFile[]
  /** Run by hand: their checksums are to be recorded. */
  readonly adopted: readonly MigrationFile[]
  /** Newer than this program, and not breaking. */
  readonly unknown: readonly AppliedMigration[]
}

/** What `migrate` did, or would do. */
export interface MigrationReport {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
}

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/

/** The migrations of a folder, by number. */
export async function readMigrations(folder: string): Promise<readonly MigrationFile[]> {
  const names = (await readdir(folder)).filter((name) => FILE_NAME.test(name)).sort()
  return await Promise.all(
    names.map(async (fileName) => {
      const [, number = '', name = ''] = FILE_NAME.exec(fileName) ?? []
      const path = join(folder, fileName)
      const sql = (await readFile(path, 'utf8')).replaceAll('\r\n', '\n')
      const checksum = createHash('sha256').update(sql).digest('hex')
      return { number: Number(number), name, path, sql, checksum }
    }),
  )
}

/**
 * Compares the files with what the database remembers.
 * @throws CrossdockError `migration_changed` when an applied file was edited since, `migration_newer`
 *   when the database has a breaking migration that this program does not know.
 */
export function planMigrations(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): MigrationPlan {
  const byNumber = new Map(applied.map((migration) => [migration.number, migration]))
  const known = new Set(files.map((file) => file.number))
  for (const file of files) {
    const checksum = byNumber.get(file.number)?.checksum
    if (checksum !== undefined && checksum !== null && checksum !== file.checksum) {
      throw new CrossdockError(
        'migration_changed',
        `the migration ${label(file)} was applied in another form than ${file.path} has now.` +
          ' Put the file back as it was, and make the change in a new migration.',
      )
    }
  }
  const unknown = applied.filter((migration) => !known.has(migration.number))
  const breaking = unknown.find((migration) => migration.breaking)
  if (breaking !== undefined) {
    throw new CrossdockError(
      'migration_newer',
      `the database was migrated to ${label(breaking)}, which this version of Crossdock does not know` +
        ' and cannot work with. Start a newer version.',
    )
  }
  return {
    pending: files.filter((file) => !byNumber.has(file.number)),
    adopted: files.filter((file) => byNumber.get(file.number)?.checksum === null),
    unknown,
  }
}

/** How a migration is called in messages: `0001_tables`. */
export function label(migration: { readonly number: number; readonly name: string }): string {
  return `${String(migration.number).padStart(4, '0')}_${migration.name}`
}

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { storeSuite } from './store-suite.ts'
import type { Row } from './target.ts'

const PAGE = path.resolve(import.meta.dirname, '../../../docs/sql.md')
const MYSQL_PART = '\n## On MySQL and MariaDB\n'
const HOUR_MS = 3_600_000

/**
 * A statement as it stands in docs/sql.md below the comment that is its title: on MySQL the one of its
 * own part of the page, where that has one.
 */
async function documented(title: string, dialect: 'postgresql' | 'mysql'): Promise<string> {
  const [common = '', mysql = ''] = (await readFile(PAGE, 'utf8')).split(MYSQL_PART)
  const found = [...(dialect === 'mysql' ? [mysql] : []), common]
    .map((part) => part.split(`\n-- ${title}\n`)[1]?.split(';')[0])
    .find((text) => text !== undefined)
  if (found === undefined) throw new Error(`docs/sql.md has no statement "${title}"`)
  return found
}

export const statisticsSuite = storeSuite('the statistics of docs/sql.md', (bed) => {
  const now = Date.now()
  const ago = (hours: number): Date => new Date(now - hours * HOUR_MS)

  async function ask(title: string): Promise<readonly Row[]> {
    return await bed.database.sql(await documented(title, bed.store.dialect))
  }

  async function addJob(
    id: string,
    columns: { handler: string; statusid: number; priority?: number; deadreason?: string },
    executions: readonly (readonly [statusid: number, startedAt: Date, durationMs: number])[],
  ): Promise<void> {
    await bed.database.sql(
      `INSERT INTO queue_jobs (id, handler, statusid, priority, deadreason, completedat)
       VALUES (?, ?, ?, ?, ?, ?)`,
      [
        id,
        columns.handler,
        columns.statusid,
        columns.priority ?? 0,
        columns.deadreason ?? null,
        executions.at(-1)?.[1] ?? null,
      ],
    )
    for (const [index, [statusid, startedAt, durationMs]] of executions.entries()) {
      await bed.database.sql(
        `INSERT INTO job_histories (jobid, leaseepoch, statusid, startedat, duration, retryattempt, errormessage)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        [
          id,
          2 * index + 1,
          statusid,
          startedAt,
          durationMs,
          index,
          statusid === 4 ? 'broke' : null,
        ],
      )
    }
  }

  beforeEach(async () => {
    // A retry that went well, beside executions that are no attempts, and one of long ago.
    await addJob('a1', { handler: 'alpha', statusid: 3 }, [
      [4, ago(1.5), 50],
      [7, ago(1.5), 7_000],
      [3, ago(0.5), 100],
    ])
    await addJob('a2', { handler: 'alpha', statusid: 4, priority: 5, deadreason: 'permanent' }, [
      [4, ago(1.5), 10],
    ])
    await addJob('b1', { handler: 'beta', statusid: 3 }, [[3, ago(3 * 24), 200]])
    await addJob('b2', { handler: 'beta', statusid: 3 }, [[3, ago(6.9 * 24), 300]])
    await addJob('b3', { handler: 'beta', statusid: 3 }, [[3, ago(7.1 * 24), 90_000]])
    for (const id of ['b4', 'b5']) {
      await addJob(
        id,
        { handler: 'beta', statusid: 4, priority: 5, deadreason: 'retries_exhausted' },
        [[4, ago(8 * 24), 1]],
      )
    }
    await addJob(
      'b6',
      { handler: 'beta', statusid: 4, priority: -1, deadreason: 'retries_exhausted' },
      [[4, ago(9 * 24), 1]],
    )
    await addJob('c1', { handler: 'gamma', statusid: 6 }, [[6, ago(1.5), 5]])
  })

  it('joins executions with their jobs, the newest first', async () => {
    const rows = await ask('Executions with their jobs.')
    expect(rows).toHaveLength(11)
    expect(rows[0]).toMatchObject({ id: 'c1', handler: 'gamma', statusid: 6, errormessage: null })
    expect(rows.at(-1)).toMatchObject({ id: 'a1', handler: 'alpha', statusid: 4, retryattempt: 0 })
    expect(Number(rows.at(-1)?.['duration'])).toBe(50)
    expect(rows.at(-1)).toMatchObject({ errormessage: 'broke', startedat: ago(1.5) })
  })

  it('counts failed jobs by priority, the most urgent first', async () => {
    const rows = await ask('Failed jobs by priority.')
    expect(rows.map((row) => ({ ...row, jobs: Number(row['jobs']) }))).toEqual([
      {
        priority: 5,
        handler: 'beta',
        deadreason: 'retries_exhausted',
        jobs: 2,
        latest: ago(8 * 24),
      },
      { priority: 5, handler: 'alpha', deadreason: 'permanent', jobs: 1, latest: ago(1.5) },
      {
        priority: -1,
        handler: 'beta',
        deadreason: 'retries_exhausted',
        jobs: 1,
        latest: ago(9 * 24),
      },
    ])
  })

  it('has the success and the mean duration of each handler over seven days', async () => {
    const rows = await ask('Success and mean duration for each handler, over seven days.')
    expect(rows.map(numbers(['executions', 'success_percent', 'mean_ms']))).toEqual([
      { handler: 'alpha', executions: 3, success_percent: 33.3, mean_ms: 100 },
      { handler: 'beta', executions: 2, success_percent: 100, mean_ms: 250 },
    ])
  })

  it('counts executions by the hour, over a day', async () => {
    const rows = await ask('Executions by the hour, over a day.')
    const counted = rows.map(numbers(['executions', 'failed']))
    expect(counted.map(({ executions, failed }) => ({ executions, failed }))).toEqual([
      { executions: 4, failed: 2 },
      { executions: 1, failed: 0 },
    ])
  })
})

/** Sums and means are text in some drivers. */
function numbers(columns: readonly string[]): (row: Row) => Row {
  return (row) => ({
    ...row,
    ...Object.fromEntries(columns.map((column) => [column, Number(row[column])])),
  })
}

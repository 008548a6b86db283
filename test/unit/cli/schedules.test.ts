import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Application } from '../../../src/cli/application.ts'
import type { ScheduleOperations, ScheduleOutcome } from '../../../src/ports/schedule-operations.ts'
import { SCHEDULE_DEFAULTS, type StoredSchedule } from '../../../src/ports/schedule-book.ts'
import { run, runWords } from './test-terminal.ts'

const NEXT = Date.parse('2026-11-23T08:00:00Z')
const STORED: StoredSchedule = {
  ...SCHEDULE_DEFAULTS,
  name: 'daily',
  handler: 'report',
  cronExpression: '0 8 * * *',
  timeZone: 'Europe/Berlin',
  id: '1',
  active: true,
  executionCount: 0,
  lastRunAt: null,
  nextRunAt: NEXT,
  lastError: null,
  createdBy: 'cli',
  createdAt: 0,
  modifiedAt: 0,
  version: 1,
}

/** The command on schedules that remember what they were asked; `refusal` is what a change comes to. */
function schedules(
  refusal?: Exclude<ScheduleOutcome<never>, { readonly kind: 'done' }>,
  stored: readonly StoredSchedule[] = [STORED],
) {
  const asked: unknown[] = []
  const done = <Value>(value: Value, ...request: readonly unknown[]) => {
    asked.push(request)
    return Promise.resolve(refusal ?? ({ kind: 'done', value } as const))
  }
  const operations: Partial<ScheduleOperations> = {
    list: async ({ after, limit }) => {
      const from = after === null ? 0 : stored.findIndex(({ id }) => id === after) + 1
      return stored.slice(from, from + limit)
    },
    create: (settings, by) => done({ ...STORED, ...settings }, 'create', settings, by),
    change: (which, settings) => done({ ...STORED, ...settings }, 'change', which, settings),
    remove: (which) => done(undefined, 'remove', which),
    preview: (name, count) =>
      done(
        {
          timeZone: 'Europe/Berlin',
          ticks: [{ at: NEXT, local: '2026-11-23T09:00:00+01:00', reason: 'why' }],
          reasons: ['it is paused'],
        },
        'preview',
        name,
        count,
      ),
    run: (name) => done({ jobId: 'j1' }, 'run', name),
    backfill: (name, window) =>
      done({ jobIds: ['j1', 'j2'], existing: 3 }, 'backfill', name, window),
  }
  const application: Partial<Application> = {
    withSchedules: async (_configuration, _log, work) =>
      await work({
        operations: operations as ScheduleOperations,
        scheduleJson: ({ name }) => ({ name }),
        previewJson: ({ timeZone }) => ({ timezone: timeZone }),
      }),
  }
  return {
    asked,
    run: (...words: readonly string[]) => runWords(['schedules', ...words], { application }),
  }
}

describe('schedules', () => {
  test('list shows when each fires, what is paused, and what is wrong', async () => {
    const { run: runIt } = schedules(undefined, [
      STORED,
      {
        ...STORED,
        id: '2',
        name: 'often',
        cronExpression: null,
        intervalSeconds: 5,
        enabled: false,
      },
      { ...STORED, id: '3', name: 'bad', timeZone: 'UTC', nextRunAt: null, lastError: 'no time' },
    ])
    expect(await runIt('list')).toMatchObject({
      exitCode: 0,
      stdout: [
        'daily: report, 0 8 * * * Europe/Berlin, next 2026-11-23T08:00:00.000Z',
        'often: report, every 5 s, paused',
        'bad: report, 0 8 * * *, error: no time',
      ].join('\n'),
    })
    expect((await schedules(undefined, []).run('list')).stdout).toBe('there are no schedules')
  })

  test('list reads all pages', async () => {
    const many = Array.from({ length: 1_001 }, (_, id) => ({ ...STORED, id: String(id) }))
    const { stdout } = await schedules(undefined, many).run('list', '--json')
    expect(JSON.parse(stdout)).toHaveLength(1_001)
  })

  test('add makes one of its options, and is told who made it', async () => {
    const { asked, run: runIt } = schedules()
    const words = ['--handler', 'report', '--cron', '0 8 * * *', '--timezone', 'Europe/Berlin']
    const { exitCode, stdout } = await runIt('add', 'weekly', ...words, '--priority', '-3')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('made weekly: report, 0 8 * * * Europe/Berlin')
    expect(asked).toMatchObject([
      [
        'create',
        { name: 'weekly', handler: 'report', cronExpression: '0 8 * * *', priority: -3 },
        'cli',
      ],
    ])
  })

  test('change sets what is given and nothing else; an interval takes the place of an expression', async () => {
    const { asked, run: runIt } = schedules()
    expect((await runIt('change', 'daily', '--every', '60')).exitCode).toBe(0)
    expect(asked).toEqual([
      ['change', { idOrName: 'daily' }, { cronExpression: null, intervalSeconds: 60 }],
    ])
  })

  test('pause and resume switch it off and on; remove deletes it', async () => {
    const { asked, run: runIt } = schedules()
    expect((await runIt('pause', 'daily')).stdout).toContain('paused daily')
    expect((await runIt('resume', 'daily')).stdout).toContain('resumed daily')
    expect((await runIt('remove', 'daily')).stdout).toBe('removed daily')
    expect(asked).toEqual([
      ['change', { idOrName: 'daily' }, { enabled: false }],
      ['change', { idOrName: 'daily' }, { enabled: true }],
      ['remove', { idOrName: 'daily' }],
    ])
  })

  test('preview shows ticks in both times, and what keeps them from firing', async () => {
    const { asked, run: runIt } = schedules()
    expect((await runIt('preview', 'daily', '--count', '3')).stdout.split('\n')).toEqual([
      'time zone Europe/Berlin',
      '2026-11-23T08:00:00.000Z  2026-11-23T09:00:00+01:00  why',
      'it is paused',
    ])
    expect((await runIt('preview', 'daily', '--json')).stdout).toBe('{"timezone":"Europe/Berlin"}')
    expect(asked).toEqual([
      ['preview', 'daily', 3],
      ['preview', 'daily', 10],
    ])
  })

  test('run makes a job now; backfill those of a window', async () => {
    const { asked, run: runIt } = schedules()
    expect((await runIt('run', 'daily')).stdout).toBe('made job j1')
    const window = ['--from', '2026-11-01T00:00:00Z', '--to', '2026-11-02T00:00:00+01:00']
    expect((await runIt('backfill', 'daily', ...window)).stdout).toBe(
      'made 2 jobs; 3 ticks had theirs',
    )
    const json = await runIt('backfill', 'daily', ...window, '--json')
    expect(JSON.parse(json.stdout)).toEqual({ job_ids: ['j1', 'j2'], created: 2, existing: 3 })
    const times = {
      from: Date.parse('2026-11-01T00:00:00Z'),
      to: Date.parse('2026-11-01T23:00:00Z'),
    }
    expect(asked).toEqual([
      ['run', 'daily'],
      ['backfill', 'daily', times],
      ['backfill', 'daily', times],
    ])
  })

  test.each([
    'add weekly',
    'add weekly --handler h --misfire never',
    'change daily --every soon',
    'preview daily --count 0',
    'preview',
    'backfill daily --from 2026-11-01T00:00:00Z',
    'backfill daily --from 2026-11-01T00:00:00 --to 2026-11-02T00:00:00Z',
    'bogus',
  ])('%s is wrong usage, and asks for nothing', async (words) => {
    const { asked, run: runIt } = schedules()
    expect((await runIt(...words.split(' '))).exitCode).toBe(2)
    expect(asked).toEqual([])
  })

  test.each([
    [{ kind: 'not_found' }, "There is no schedule 'daily'"],
    [{ kind: 'taken' }, 'another schedule of this name'],
    [{ kind: 'stale' }, 'try again'],
    [{ kind: 'invalid', problem: 'its cron is none' }, 'its cron is none'],
  ] as const)('a change that came to %o says so', async (refusal, sentence) => {
    const { exitCode, stderr } = await schedules(refusal).run('pause', 'daily')
    expect(exitCode).toBe(2)
    expect(stderr).toContain(sentence)
  })
})

describe('make:schedule', () => {
  function home(): { readonly folder: string; readonly configuration: string } {
    const parent = mkdtempSync(path.join(tmpdir(), 'crossdock-make-'))
    onTestFinished(() => {
      rmSync(parent, { recursive: true, force: true })
    })
    const folder = path.join(parent, 'handlers')
    return { folder, configuration: JSON.stringify({ jobs: { handlers: [folder] } }) }
  }

  test('writes a handler with its schedule, and never over one that is there', async () => {
    const { folder, configuration } = home()
    const words = ['make:schedule', 'reports.daily', '--cron', '0 7 * * 1-5']
    const { exitCode, stdout } = await runWords(words, { configuration })
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: path.join(folder, 'reports-daily.ts'),
    })
    const source = readFileSync(stdout, 'utf8')
    expect(source).toContain('name: "reports.daily"')
    expect(source).toContain('cron: "0 7 * * 1-5"')
    const again = await runWords(['make:schedule', 'reports.daily'], { configuration })
    expect(again.exitCode).toBe(2)
    expect(again.stderr).toContain('is there already')
    expect(readFileSync(stdout, 'utf8')).toBe(source)
    expect(readdirSync(folder)).toEqual(['reports-daily.ts'])
  })

  test.each(['../escape', 'a/b', '.hidden', 'a b'])('%s is no name', async (name) => {
    const { folder, configuration } = home()
    const { exitCode } = await runWords(['make:schedule', name], { configuration })
    expect(exitCode).toBe(2)
    expect(existsSync(folder)).toBe(false)
  })

  test('says that no folder is configured', async () => {
    const { exitCode, stderr } = await run('make:schedule report')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('jobs.handlers names no folder')
  })
})

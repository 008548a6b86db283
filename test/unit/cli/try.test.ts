import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Application, DeadTrial, TryReport } from '../../../src/cli/application.ts'
import { run, runWords } from './test-terminal.ts'

const file = path.join(tmpdir(), `crossdock-try-${process.pid}.json`)
writeFileSync(file, '{"a":1}')
afterAll(() => {
  rmSync(file)
})

type Trial = TryReport['trial']

function report(trial: Partial<Trial> = {}): TryReport {
  return {
    handler: 'orders.place',
    job: undefined,
    trial: {
      ending: { kind: 'completed', result: '{"ok":true}' },
      error: undefined,
      made: [],
      progress: [],
      logs: [],
      rehearsal: {
        failure: undefined,
        mayHaveStayed: false,
        touched: { tables: [], complete: true },
      },
      durationMs: 12.3,
      withoutDatabase: false,
      ...trial,
    },
  }
}

/** An application whose tries give this, and what they were asked. */
function trying(given: TryReport) {
  const asked: Parameters<Application['tryMessage']>[] = []
  const application: Partial<Application> = {
    tryMessage: async (...words) => {
      asked.push(words)
      return given
    },
  }
  return { application, asked }
}

function dead(trials: readonly Partial<DeadTrial>[], more = false): Partial<Application> {
  return {
    tryDead: async () => ({
      trials: trials.map((trial, index) => ({
        id: `j${index}`,
        handler: 'h',
        outcome: 'succeeds',
        mayHaveStayed: false,
        ...trial,
      })),
      more,
      brokenOff: false,
    }),
  }
}

describe('crossdock try', () => {
  it('gives the handler what the options say', async () => {
    const { application, asked } = trying(report())
    const words = [
      '--content-type',
      'text/plain',
      '--key',
      'k',
      '--tenant',
      'acme',
      '--timeout',
      '1.5',
    ]
    const { exitCode } = await runWords(
      ['try', '--handler', 'h', '--payload', file, '--headers', '{"X":"y"}', ...words],
      { application },
    )
    expect(exitCode).toBe(0)
    expect(asked[0]?.[1]).toEqual({
      handler: 'h',
      body: Buffer.from('{"a":1}'),
      contentType: 'text/plain',
      headers: { X: 'y' },
      key: 'k',
      tenantId: 'acme',
    })
    expect(asked[0]?.[2]).toMatchObject({ timeoutMs: 1_500 })
  })

  it('reads a payload from standard input', async () => {
    const { application, asked } = trying(report())
    await run('try --handler h --payload -', { application, input: '[1]' })
    expect(asked[0]?.[1]).toMatchObject({ body: Buffer.from('[1]') })
  })

  it.each([
    ['try', 'Name one thing'],
    ['try j1 --dead', 'Name one thing'],
    [`try --payload ${file}`, 'needs --handler'],
    ['try j1 --key k', '--key goes with --payload'],
    ['try --dead --limit 0', 'whole number'],
    ['try --handler h --payload /nowhere', 'cannot be read'],
  ])('refuses `%s`', async (words, why) => {
    const { exitCode, stderr } = await run(words)
    expect(exitCode).toBe(2)
    expect(stderr).toContain(why)
  })

  it('shows what would be published apart from what would be enqueued', async () => {
    const made: Trial['made'] = [
      {
        id: '1',
        handler: 'outbound.publish',
        direction: 'outbound',
        protocol: 'kafka',
        method: 'orders-placed',
        payload: '{"a":1}',
        metadata: { key: 'k' },
      },
      { id: '2', handler: 'receipt', payload: '{"b":2}', uniqueKey: 'u' },
    ]
    const { application } = trying(report({ made }))
    const text = await run('try j1', { application })
    expect(text.stdout).toContain('would publish kafka:orders-placed key "k" {"a":1}')
    expect(text.stdout).toContain('would enqueue receipt {"b":2}')
    const json = await run('try j1 --json', { application })
    expect(JSON.parse(json.stdout)).toMatchObject({
      succeeds: true,
      would_publish: [{ address: 'kafka:orders-placed', key: 'k', payload: { a: 1 } }],
      would_enqueue: [{ handler: 'receipt', payload: { b: 2 }, unique_key: 'u' }],
      duration_ms: 12,
    })
  })

  it.each<[Trial['ending'], number, string]>([
    [{ kind: 'failed', error: 'why', deadReason: 'permanent' }, 1, 'a dead letter: permanent'],
    [{ kind: 'retry', error: 'why', delayMs: 30_000, lowerPriority: true }, 1, 'again in 30 s'],
    [{ kind: 'snoozed', delayMs: 5_000 }, 0, 'run again in 5 s'],
    [{ kind: 'cancelled', reason: 'no more' }, 0, 'no more'],
    [{ kind: 'returned', delayMs: 0 }, 1, 'told to stop'],
  ])('ends for %o with %i', async (ending, exitCode, text) => {
    const ended = await run('try j1', trying(report({ ending })))
    expect(ended.exitCode).toBe(exitCode)
    expect(ended.stdout).toContain(text)
  })

  it('says aloud what may have stayed, and that a count is not complete', async () => {
    const stayed = { failure: undefined, mayHaveStayed: true, touched: undefined }
    const warned = await run('try j1', trying(report({ rehearsal: stayed })))
    expect(warned.stderr).toContain('MAY HAVE STAYED')
    expect(warned.stdout).toContain('not known')
    const touched = {
      tables: [{ table: 'orders', inserted: 1, updated: 0, deleted: 0 }],
      complete: false,
    }
    const part = await run(
      'try j1',
      trying(report({ rehearsal: { failure: undefined, mayHaveStayed: false, touched } })),
    )
    expect(part.stdout).toContain('more may have been touched')
    expect(part.stderr).toBe('')
  })
})

describe('crossdock try --dead', () => {
  it('groups what differs in numbers and names alone', async () => {
    const fails = (reason: string): Partial<DeadTrial> => ({ outcome: 'fails', reason })
    const application = dead([
      {},
      fails("order 'a' has 1 line"),
      fails('something else'),
      fails("order 'b' has 22 lines"),
      fails("order 'c' has 3 line"),
      { outcome: 'untried', reason: 'it is to be sent' },
    ])
    const { stdout, exitCode } = await run('try --dead', { application })
    expect(exitCode).toBe(1)
    expect(stdout).toContain('1 of 5 would succeed now')
    expect(stdout).toContain("     2  h: order 'a' has 1 line\n        j1, j4")
    expect(stdout).toContain('1 cannot be tried')
  })

  it('ends with 0 where all would succeed, and where there are none', async () => {
    const all = await run('try --dead', { application: dead([{}, {}], true) })
    expect(all).toMatchObject({ exitCode: 0 })
    expect(all.stdout).toContain('2 of 2 would succeed now')
    expect(all.stdout).toContain('--limit takes more')
    const none = await run('try --dead', { application: dead([]) })
    expect(none).toMatchObject({ exitCode: 0, stdout: 'There are no dead letters.' })
  })
})

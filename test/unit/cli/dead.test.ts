import { expect, test } from 'vitest'
import type { Application } from '../../../src/cli/application.ts'
import type { DeadLetters, Replay } from '../../../src/ports/dead-letters.ts'
import { run } from './test-terminal.ts'

/** The command on dead letters that remember what they were asked. */
function dead(replay: Replay = { outcome: 'replayed', jobId: 'new', jobs: 1 }) {
  const asked: unknown[] = []
  const letters: DeadLetters = {
    list: async (request) => {
      asked.push(request)
      return { rows: [], next: null }
    },
    show: async () => undefined,
    replay: async (...request) => {
      asked.push(request)
      return replay
    },
    replayAll: async (request, how, onStep) => {
      asked.push([request, how])
      const refusals = [{ id: 'c', reason: 'invalid' as const, message: 'It is still invalid.' }]
      const counts = { tried: 3, replayed: 2, alreadyReplayed: 1, refused: 1, refusals }
      onStep?.({ ...counts, next: '9' })
      return { ...counts, next: null }
    },
  }
  const application: Partial<Application> = {
    withDeadLetters: async (_configuration, _log, work) => await work(letters),
  }
  return { asked, run: (words: string) => run(`dead ${words}`, { application }) }
}

test('dead list takes filters, and says when there is nothing', async () => {
  const { asked, run: runDead } = dead()
  const words = 'list --subscription orders --reason invalid --from 2030-01-01T00:00:00Z --limit 7'
  const { exitCode, stderr } = await runDead(words)
  expect(exitCode).toBe(0)
  expect(stderr).toContain('There are no such dead letters.')
  expect(asked).toMatchObject([
    {
      filter: {
        subscription: 'orders',
        deadReason: 'invalid',
        from: new Date('2030-01-01T00:00:00Z'),
      },
      after: null,
      limit: 7,
    },
  ])
})

test.each(['list --from yesterday', 'list --limit 0', 'replay', 'replay a --all', 'bogus'])(
  'dead %s is wrong usage',
  async (words) => {
    const { asked, run: runDead } = dead()
    expect((await runDead(words)).exitCode).toBe(2)
    expect(asked).toEqual([])
  },
)

test('dead replay says of each what became of it', async () => {
  const good = await dead().run('replay a b')
  expect(good).toMatchObject({ exitCode: 0, stdout: 'replayed  a as new\nreplayed  b as new' })
  const refused = dead({ outcome: 'refused', reason: 'already_replayed', message: 'Before.' })
  const { exitCode, stdout } = await refused.run('replay a --force')
  expect(exitCode).toBe(1)
  expect(stdout).toContain('refused   a  Before.')
  expect(refused.asked).toEqual([['a', { force: true, dryRun: undefined }]])
})

test('dead replay --all shows progress, counts, and who was refused', async () => {
  const { asked, run: runDead } = dead()
  const { exitCode, stdout, stderr } = await runDead('replay --all --handler h --dry-run')
  expect(exitCode).toBe(1)
  expect(stdout).toBe('2 would be replayed, 1 refused, 1 replayed before')
  expect(stderr).toContain('refused   c  It is still invalid.')
  expect(asked).toMatchObject([[{ filter: { handler: 'h' }, limit: 100 }, { dryRun: true }]])
})

test('dead show names how to find one', async () => {
  const { exitCode, stderr } = await dead().run('show nobody')
  expect(exitCode).toBe(1)
  expect(stderr).toContain("There is no dead letter 'nobody'")
})

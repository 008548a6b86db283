import { expect, test } from 'vitest'
import { createRefusalLog } from '../../../../adapters/http/verify/refusals.ts'
import { silentLog } from '../../../../src/observe/log.ts'
import { send } from '../started-server.ts'
import { startVerified } from '../started-adapter.ts'

test('a flood of requests that are refused is one line a minute, with their number', () => {
  const lines: object[] = []
  let now = 0
  const log = { ...silentLog, warn: (fields: object) => lines.push(fields) }
  const refused = createRefusalLog(log, 'hook', () => now)
  for (; now < 120_000; now += 1_000) refused(now === 60_000 ? 'expired' : 'invalid')
  expect(lines).toEqual([
    { subscription: 'hook', reason: 'invalid', refused: 1 },
    { subscription: 'hook', reason: 'expired', refused: 60 },
  ])
})

test('what is logged has nothing of what was sent', async () => {
  const lines: string[] = []
  const note = (...line: unknown[]): number => lines.push(JSON.stringify(line))
  const log = { ...silentLog, debug: note, info: note, warn: note, error: note }
  const { url } = await startVerified({ type: 'api_key', secrets: ['0123456789abcdef'] }, { log })
  await send(url, { method: 'POST', headers: { 'x-api-key': 'guessed-key' }, body: 'the body' })
  expect(lines.filter((line) => line.includes('not verified'))).toHaveLength(1)
  expect(lines.join()).not.toMatch(/guessed-key|0123456789abcdef|the body/)
})

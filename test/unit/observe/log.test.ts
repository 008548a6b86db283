import { describe, expect, test } from 'vitest'
import { createLog } from '../../../src/observe/log.ts'

function recorded(options: Parameters<typeof createLog>[0] = {}) {
  const lines: string[] = []
  const log = createLog({
    format: 'json',
    ...options,
    destination: { write: (line: string) => void lines.push(line) },
  })
  return { log, lines }
}

describe('a log line', () => {
  test('is JSON with level, time, fields of the child and message', () => {
    const { log, lines } = recorded()
    log.child({ job: 'j' }).info({ n: 1 }, 'done')
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>
    expect(line).toMatchObject({ level: 'info', job: 'j', n: 1, msg: 'done' })
    expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  })

  test('is written when the level allows it', () => {
    const { log, lines } = recorded({ level: 'warn' })
    log.info({}, 'no')
    log.warn({}, 'yes')
    log.error({}, 'yes')
    expect(lines).toHaveLength(2)
  })

  test('holds no secret, at any depth', () => {
    const { log, lines } = recorded()
    const cause = new Error('at postgres://u:hunter2@db/x')
    const error = Object.assign(new Error('failed: amqp://u:p@ss-hunter2@h', { cause }), {
      detail: 'hunter2',
    })
    log.child({ token: 'hunter2' }).error(
      {
        url: 'mqtt://user:hunter2@host:1883/x',
        nested: [{ password: 'hunter2', headers: { Authorization: 'hunter2' } }],
        error,
      },
      'cannot reach https://a:hunter2@b/c',
    )
    expect(lines.join()).not.toContain('hunter2')
    expect(lines.join()).toContain('@host:1883/x')
    expect(lines.join()).toContain('postgres://[redacted]@db/x')
  })

  test('survives cycles, bytes and big integers', () => {
    const { log, lines } = recorded()
    const cycle: Record<string, unknown> = { bytes: Buffer.from('payload'), big: 1n }
    cycle['self'] = cycle
    log.info(cycle, 'odd')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ bytes: '[7 bytes]', big: '1' })
  })

  test('is for people when asked', () => {
    const { log, lines } = recorded({ format: 'pretty' })
    log.info({ n: 1 }, 'hello')
    expect(lines.join()).toMatch(/INFO.*hello.*"n":1/)
  })
})

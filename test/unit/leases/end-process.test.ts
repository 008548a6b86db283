import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { HUNG_EXIT_CODE } from '../../../src/ports/lease-keeper.ts'

const END = new URL('../../../src/leases/end-process.ts', import.meta.url).href

/** A process whose main thread does `hang` for ever, and another thread that ends it. */
async function endOf(
  hang: string,
  stderr: 'read' | 'closed' | 'never read',
): Promise<{ readonly code: number | null; readonly signal: string | null; readonly err: string }> {
  const program = `
    import { execFileSync } from 'node:child_process'
    import { Worker } from 'node:worker_threads'
    const thread = \`import(\${JSON.stringify('${END}')}).then((m) => setTimeout(m.endHungProcess, 200, 61_000))\`
    const worker = new Worker(thread, { eval: true })
    worker.once('online', () => setTimeout(() => { ${hang} }, 100))
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let err = ''
  if (stderr === 'read') child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()))
  if (stderr === 'closed') child.stderr.destroy()
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return { code, signal, err }
}

describe('a process that hangs ends', { timeout: 15_000 }, () => {
  it('with its own code, and says why', async () => {
    const { code, err } = await endOf('for (;;);', 'read')
    expect(code).toBe(HUNG_EXIT_CODE)
    expect(err).toContain('the main thread has not answered for 61 s')
  })

  it('with its own code though nobody can be told why', async () => {
    expect(await endOf('for (;;);', 'closed')).toMatchObject({ code: HUNG_EXIT_CODE })
  })

  it('with its own code from within a regular expression that never ends', async () => {
    const hang = `/^(a+)+$/.test('a'.repeat(60) + 'b')`
    expect(await endOf(hang, 'read')).toMatchObject({ code: HUNG_EXIT_CODE })
  })

  it('by SIGKILL where it waits inside the system', async () => {
    const hang = `execFileSync('sleep', ['20'])`
    expect(await endOf(hang, 'never read')).toMatchObject({ signal: 'SIGKILL' })
  })
})

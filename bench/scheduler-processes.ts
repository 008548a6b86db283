import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { guardProcess } from '../test/services/process.ts'

const PROGRAM = path.resolve(import.meta.dirname, '../bin/crossdock.js')

/** Processes of the program that fire schedules, and do nothing else. */
export interface SchedulerProcesses {
  /** SIGINT to each; resolves with what they wrote on standard error once they are gone. */
  stop(): Promise<string>
}

/**
 * Starts so many on one database; each is ready, and the first has migrated.
 * @throws Error with what a process wrote when it ends instead
 */
export async function startSchedulers(
  databaseUrl: string,
  count: number,
): Promise<SchedulerProcesses> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-bench-'))
  const config = path.join(folder, 'configuration.json')
  const configuration = {
    database: { url: databaseUrl },
    http: { host: '127.0.0.1', port: 0 },
    logging: { level: 'warn', format: 'json' },
    jobs: { scheduler_check_interval: '1s' },
  }
  await writeFile(config, JSON.stringify(configuration))
  const first = await startOne(config, folder)
  const others = await Promise.all(
    Array.from({ length: count - 1 }, () => startOne(config, folder)),
  )
  return {
    stop: async () => {
      const told = await Promise.all([first, ...others].map((each) => each()))
      await rm(folder, { recursive: true, force: true })
      return told.join('')
    },
  }
}

/** Returns what ends it. */
async function startOne(config: string, folder: string): Promise<() => Promise<string>> {
  const args = [PROGRAM, 'start', '--config', config, '--only', 'scheduler', '--port', '0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const closed = once(child, 'close')
  const dismiss = guardProcess(child.pid ?? 0, { folders: [folder], stopSignal: 'SIGINT' })
  void closed.then(dismiss)
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (out.includes('is ready on')) resolve()
    })
    void closed.then(() => {
      reject(new Error(`a scheduler ended by itself:\n${out}\n${err}`))
    })
  })
  return async () => {
    child.kill('SIGINT')
    await closed
    return err.replace(/^(SIGINT: .*|Stopped\.)\n/gm, '')
  }
}

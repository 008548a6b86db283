import { setTimeout as delay } from 'node:timers/promises'
import { startProgram, type RunningProgram, type TestFolder } from '../e2e/program.ts'
import { freePort } from '../services/free-port.ts'

/** Several instances on one database, each on a port that it keeps when it is started again. */
export interface Fleet {
  /** Where the instances listen, whether they run at this moment or not. */
  readonly urls: readonly string[]
  readonly kills: number
  readonly stops: number
  /** SIGKILL, and a start once it is gone, after a pause. */
  kill(index: number, awayMs?: number): Promise<void>
  /** SIGSTOP, and SIGCONT after so long. */
  pause(index: number, durationMs: number): Promise<void>
  /** The ends of what the instances wrote on standard error, for a failure. */
  told(): string
  /** SIGINT to all. Returns their exit codes. */
  stop(): Promise<readonly (number | null)[]>
  /** Ends what is left of them, also a process that stands still. */
  remove(): Promise<void>
}

/** Starts `count` instances of one configuration. */
export async function startFleet(home: TestFolder, count: number): Promise<Fleet> {
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const start = (index: number): Promise<RunningProgram> =>
    startProgram(home, { args: ['--port', String(ports[index])] })
  // The first one migrates; the others find the tables.
  const first = await start(0)
  const others = Array.from({ length: count - 1 }, (_, index) => start(index + 1))
  const programs = [first, ...(await Promise.all(others))]
  /** What those wrote that were killed. */
  const before = new Map<number, string>()
  let kills = 0
  let stops = 0

  function running(index: number): RunningProgram {
    const program = programs[index]
    // One that has ended by itself is a fault, and not to be hidden by a start.
    if (program?.isRunning() !== true) {
      throw new Error(`instance ${index} ended by itself:\n${program?.err() ?? ''}`)
    }
    return program
  }

  return {
    urls: programs.map(({ url }) => url),
    get kills() {
      return kills
    },
    get stops() {
      return stops
    },
    kill: async (index, awayMs = 0) => {
      const program = running(index)
      await program.kill()
      kills += 1
      before.set(index, (before.get(index) ?? '') + program.err())
      if (awayMs > 0) await delay(awayMs)
      programs[index] = await start(index)
    },
    pause: async (index, durationMs) => {
      const program = running(index)
      program.signal('SIGSTOP')
      stops += 1
      await delay(durationMs)
      program.signal('SIGCONT')
    },
    told: () =>
      programs
        .map((program, index) => {
          const lines = ((before.get(index) ?? '') + program.err()).trim().split('\n')
          const ends = lines.slice(-30).map((line) => line.slice(0, 400))
          return `instance ${index}:\n${ends.join('\n')}`
        })
        .join('\n'),
    stop: async () => {
      const ended = await Promise.all(programs.map((_, index) => running(index).stop()))
      return ended.map(({ code }) => code)
    },
    remove: async () => {
      await Promise.all(
        programs.filter((program) => program.isRunning()).map((program) => program.kill()),
      )
    },
  }
}

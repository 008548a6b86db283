import { write } from 'node:fs'
import { Session } from 'node:inspector'
import { HUNG_EXIT_CODE } from '../ports/lease-keeper.ts'

/** How long the main thread may take to end, in milliseconds. */
const PATIENCE_MS = 2_000

/** How long whoever reads standard error may take, in milliseconds. What hangs may be the writing to it. */
const WRITE_MS = 200

/**
 * Ends the process from another thread than the main one, which hangs. A thread's own `process.exit` ends
 * that thread alone. The inspector interrupts whatever JavaScript the main thread runs, an endless loop or
 * regular expression included; where it waits inside the system, the process is killed, and its parent
 * sees SIGKILL instead of the exit code. Nothing that fails or waits on the way keeps it from ending.
 */
export function endHungProcess(silentMs: number): void {
  setTimeout(() => {
    process.kill(process.pid, 'SIGKILL')
  }, PATIENCE_MS)
  setTimeout(exitMainThread, WRITE_MS)
  const seconds = Math.round(silentMs / 1_000)
  // The log is written by the thread that hangs. Not in this thread: a full pipe would hold it up.
  write(
    2,
    `crossdock: the main thread has not answered for ${seconds} s, and no handler that it runs is within` +
      ` its time-out and grace: the process ends with code ${HUNG_EXIT_CODE}, and its jobs run elsewhere.\n`,
    exitMainThread,
  )
}

/** Tells on standard error that the main thread does not answer. Waits for nobody. */
export function tellOfSilence(silentMs: number): void {
  write(
    2,
    `crossdock: the main thread has not answered for ${Math.round(silentMs / 1_000)} s: a handler blocks it.` +
      ` The process ends with code ${HUNG_EXIT_CODE} once none is within its time-out and grace.\n`,
    () => undefined,
  )
}

let exiting = false

function exitMainThread(): void {
  if (exiting) return
  exiting = true
  try {
    const session = new Session()
    session.connectToMainThread()
    session.post('Runtime.evaluate', { expression: `process.reallyExit(${HUNG_EXIT_CODE})` })
  } catch {
    // A Node without its inspector: SIGKILL is on its way.
  }
}

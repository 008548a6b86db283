import { writeSync } from 'node:fs'
import { Session } from 'node:inspector'
import { HUNG_EXIT_CODE } from '../ports/lease-keeper.ts'

/** How long the main thread may take to end, in milliseconds. */
const PATIENCE_MS = 2_000

/**
 * Ends the process from another thread than the main one, which hangs. A thread's own `process.exit` ends
 * that thread alone. The inspector interrupts whatever JavaScript the main thread runs, an endless loop or
 * regular expression included; where it waits inside the system, the process is killed, and its parent
 * sees SIGKILL instead of the exit code.
 */
export function endHungProcess(silentMs: number): void {
  const seconds = Math.round(silentMs / 1_000)
  // The log is written by the thread that hangs.
  writeSync(
    2,
    `crossdock: the main thread has not answered for ${seconds} s, and no handler that it runs is within` +
      ` its time-out and grace: the process ends with code ${HUNG_EXIT_CODE}, and its jobs run elsewhere.\n`,
  )
  setTimeout(() => {
    process.kill(process.pid, 'SIGKILL')
  }, PATIENCE_MS)
  const session = new Session()
  session.connectToMainThread()
  session.post('Runtime.evaluate', { expression: `process.reallyExit(${HUNG_EXIT_CODE})` })
}

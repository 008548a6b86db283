import { parentPort } from 'node:worker_threads'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import { endHungProcess, tellOfSilence } from './end-process.ts'
import { LeaseTable, sharedNowMs } from './lease-table.ts'
import type { FromKeeper, KeeperData, ToKeeper } from './messages.ts'
import { createRenewal } from './renewal.ts'

/** Renews leases in the thread that {@link createThreadKeeper} started, until it is told to stop. */
export function runLeaseThread({ settings, memory }: KeeperData, store: Store, clock: Clock): void {
  const renewal = createRenewal({
    settings,
    table: new LeaseTable(memory),
    store,
    clock,
    now: sharedNowMs,
    tell: (message: FromKeeper) => parentPort?.postMessage(message),
    endProcess: endHungProcess,
    warn: tellOfSilence,
  })
  parentPort?.on('message', (message: ToKeeper) => {
    if (message.kind === 'held') renewal.hold(message)
    else void stop()
  })

  async function stop(): Promise<void> {
    await renewal.stop()
    await store.close()
    parentPort?.close()
  }

  renewal.start()
}

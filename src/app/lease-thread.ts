// The thread that renews leases: started by lease-keeper.ts, and imported by nobody.
import { workerData } from 'node:worker_threads'
import type { KeeperData } from '../leases/messages.ts'
import { runLeaseThread } from '../leases/run-thread.ts'
import type { Log } from '../ports/log.ts'
import { openStore, type StoreAddress } from './open-store.ts'
import { systemClock } from './system-clock.ts'

/** What the thread is started with. */
export interface LeaseThreadData extends KeeperData {
  readonly address: StoreAddress
}

/** What goes wrong here is told to the main thread, which logs it. */
const noLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => noLog,
}

const data = workerData as LeaseThreadData
// It opens no handler's transaction; a pool must have room for one.
runLeaseThread(data, await openStore(data.address, 1, noLog), systemClock)

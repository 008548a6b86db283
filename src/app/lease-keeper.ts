import { extname } from 'node:path'
import type { KeeperSettings } from '../leases/messages.ts'
import { createThreadKeeper } from '../leases/thread-keeper.ts'
import type { LeaseKeeper } from '../ports/lease-keeper.ts'
import type { Log } from '../ports/log.ts'
import type { StoreAddress } from './open-store.ts'
import { systemClock } from './system-clock.ts'

/** Renews leases by a thread with a connection of its own to the database at `address`. */
export function createLeaseKeeper(
  settings: KeeperSettings,
  address: StoreAddress,
  log: Log,
): LeaseKeeper {
  return createThreadKeeper({
    settings,
    // Beside this file: TypeScript in a clone, JavaScript in a package.
    script: new URL(`./lease-thread${extname(import.meta.url)}`, import.meta.url),
    data: { address },
    clock: systemClock,
    log,
  })
}

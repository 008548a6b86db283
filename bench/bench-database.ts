import type { StoreAddress } from '../src/app/open-store.ts'
import type { BareLoop, BareTables } from './bare-loop.ts'

/** A server to measure on. */
export interface BenchServer {
  /** Of the table of figures. */
  readonly name: string
  /**
   * A migrated database of its own, with the table `bench_effects`: the measurement before leaves nothing
   * behind but warm caches. Returns its url.
   */
  fresh(): Promise<string>
  openBareLoop(url: string, tables: BareTables, makeId: () => string): Promise<BareLoop>
  address(url: string): StoreAddress
  stop(): Promise<void>
}

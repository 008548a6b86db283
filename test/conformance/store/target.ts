import type { Store } from '../../../src/ports/store.ts'

/** A row as a plain SELECT gives it, by column. */
export type Row = Readonly<Record<string, unknown>>

/** What a test may ask of a store other than the defaults. */
export interface StoreOptions {
  readonly idleInTransactionMs?: number
  readonly handlerConnections?: number
}

/** A database that the store runs on. The suites know no dialect: what differs stands behind this. */
export interface Target {
  readonly name: string
  /**
   * Starts the server, once a process, and migrates the template.
   * @throws ServiceUnavailable where it cannot be had
   */
  start(): Promise<TargetServer>
}

/** A running server. */
export interface TargetServer {
  /** Whether {@link kill} and {@link restart} work. */
  readonly controllable: boolean
  /** Whether what one store announces is heard by another. */
  readonly announces: boolean
  /** Whether an SQL error in a transaction ends it, even where somebody catches the error. */
  readonly errorsEndTransactions: boolean
  /** A migrated database of its own. */
  openDatabase(): Promise<TargetDatabase>
  kill(): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

/** A transaction of another program, its values in place of `?`. */
export interface OpenTransaction {
  sql(text: string, values?: readonly unknown[]): Promise<void>
  commit(): Promise<void>
}

/** One test file's own database, and what another program could do to it. */
export interface TargetDatabase {
  /** As `database.url` takes it. */
  readonly url: string
  openStore(options?: StoreOptions): Store
  /** One statement of another program, its values in place of `?`. */
  sql(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
  /** The same from a session in another time zone, such as `America/New_York`. */
  sqlInZone(zone: string, text: string, values?: readonly unknown[]): Promise<readonly Row[]>
  /** One statement, as the store's own connections run it: no trigger corrects a status. */
  sqlAsGiver(text: string): Promise<void>
  /** Locks a row of `queue_jobs`, or of another table, from another connection until it is released. */
  lockRow(id: string, table?: string): Promise<{ release(): Promise<void> }>
  /** Another program's transaction, begun and left open. */
  openTransaction(): Promise<OpenTransaction>
  /**
   * Runs `takes` in a transaction and, as soon as somebody waits for what that has locked, `wants`: where
   * that somebody holds it, he is in a deadlock with us, and the one whom the server breaks off. All is
   * undone then. Resolves once `takes` has run.
   */
  standInTheWay(statements: {
    readonly takes: string
    readonly wants: string
  }): Promise<{ readonly over: Promise<void> }>
  /** Ends every connection of the stores on the server's side. */
  breakConnections(): Promise<void>
  /** A statement that runs on the server for so long. */
  sleep(seconds: number): string
  /** How many connections of stores run something at this moment. */
  busyConnections(): Promise<number>
  /** A statement that is taken, and refused at COMMIT; `undefined` where the dialect has none. */
  refusedAtCommit(): Promise<string | undefined>
  /** A statement whose COMMIT breaks the connection; `undefined` where the dialect has none. */
  breakingAtCommit(): Promise<string | undefined>
  drop(): Promise<void>
}

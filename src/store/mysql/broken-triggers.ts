import mysql, { type Connection } from 'mysql2/promise'
import { answeredInTime, breakConnection } from './connection-limits.ts'
import { options, type MysqlConnection } from './connection-options.ts'
import { brokenTrigger, errnoOf } from './errors.ts'

/** What {@link createTriggerRepair} needs. */
export interface TriggerRepairSettings {
  readonly connection: MysqlConnection
  /** Qualified, quoted names of our tables that have triggers. */
  readonly tables: readonly string[]
  /** Told how a repair ended. */
  readonly onRepair: (outcome: RepairOutcome) => void
}

/** How a repair ended: `denied` says that the login lacks the rights for it. */
export type RepairOutcome =
  { readonly kind: 'repaired' } | { readonly kind: 'denied' | 'failed'; readonly error: Error }

/** Makes the server forget triggers that it holds for broken. */
export interface TriggerRepair {
  /** Takes an error of any statement; begins a repair where it tells of such triggers. Never throws. */
  consider(error: unknown): void
  /** Breaks off a repair; afterwards none begins, and nobody is told. */
  stop(): void
}

/** Each statement that meets the triggers would begin the next one. Doubled while they do not help. */
const PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000

/** Triggers that are broken again so soon after a repair were not repaired by it. */
const HELPED_AFTER_MS = 10_000

/** A table that was in use comes back broken, and the next repair closes it; after more of them something else is wrong. */
const REPAIRS_IN_VAIN = 3

/** Whole seconds. While an ALTER TABLE waits for transactions, whatever comes to the table waits behind it. */
const TABLE_WAIT_SECONDS = 1

/** The server's words for rights that are missing: of all kinds, of a table, of the server. */
const DENIED: ReadonlySet<number | undefined> = new Set([1044, 1142, 1227])

/**
 * MariaDB (seen on 10.11) reads the triggers of a table whenever it opens it once more. A connection that is killed
 * in that moment breaks the reading off, and the table stays open in the server's cache with triggers said to have
 * "an error in its body": whoever is given that one of the open tables can neither INSERT nor UPDATE, for as long as
 * the server runs. To close those that are not in use helps: by FLUSH TABLES at once, which needs the privilege RELOAD;
 * or by an ALTER TABLE, which an account that migrates may do, in a moment in which no transaction is using the table.
 * ANALYZE TABLE does not help.
 */
export function createTriggerRepair(settings: TriggerRepairSettings): TriggerRepair {
  let opened: Connection | undefined
  let isUnderWay = false
  let isStopped = false
  let endedAt = -Infinity
  let inVain = 0

  async function repair(): Promise<void> {
    const connection = await mysql.createConnection(options(settings.connection, 'crossdock'))
    if (isStopped) {
      connection.destroy()
      return
    }
    opened = connection
    const ask = async (text: string): Promise<unknown> =>
      await answeredInTime(connection, connection.query(text))
    try {
      connection.on('error', () => undefined)
      await ask(`SET SESSION lock_wait_timeout = ${TABLE_WAIT_SECONDS}`)
      // Of all tables: with names it would wait for every transaction that has used one of them.
      await ask('FLUSH LOCAL TABLES').catch(async (error: unknown) => {
        if (!DENIED.has(errnoOf(error))) throw error
        await alterEach(ask)
      })
    } finally {
      opened = undefined
      connection.destroy()
    }
  }

  /** Each of them: one that is always in use must not keep the others broken. None has a comment of ours. */
  async function alterEach(ask: (text: string) => Promise<unknown>): Promise<void> {
    const failures: unknown[] = []
    for (const table of settings.tables) {
      await ask(`ALTER TABLE ${table} ALGORITHM = INSTANT, COMMENT = ''`).catch((error: unknown) =>
        failures.push(error),
      )
    }
    if (failures.length > 0) throw failures[0]
  }

  function tell(error: unknown, why: unknown): void {
    endedAt = performance.now()
    if (isStopped) return
    if (error === undefined && inVain <= REPAIRS_IN_VAIN) settings.onRepair({ kind: 'repaired' })
    else {
      const told = error ?? why
      settings.onRepair({
        kind: DENIED.has(errnoOf(told)) ? 'denied' : 'failed',
        error: told instanceof Error ? told : new Error(String(told)),
      })
    }
  }

  return {
    consider: (error) => {
      if (isUnderWay || isStopped || !brokenTrigger(error)) return
      const since = performance.now() - endedAt
      const pause = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** Math.max(0, inVain - 1))
      if (since < pause) return
      inVain = since < pause + HELPED_AFTER_MS ? inVain + 1 : 0
      isUnderWay = true
      repair()
        .then(
          () => tell(undefined, error),
          (failure: unknown) => tell(failure, error),
        )
        .finally(() => {
          isUnderWay = false
        })
    },
    stop: () => {
      isStopped = true
      if (opened !== undefined) breakConnection(opened)
    },
  }
}

import { STATEMENT_LIMIT_MS } from '../limits.ts'

/** What differs between the sessions of our pools. */
export interface SessionOptions {
  /** Off for handlers: after a COMMIT of their own nothing commits by itself. */
  readonly autocommit: boolean
  /** Whether its statements may make a Queued job Pending: the trigger of queue_jobs queues what others do. */
  readonly givesTurns?: boolean
  /** Waits for row locks end after so many seconds; left out: the server's own limit. */
  readonly lockWaitSeconds?: number
  /** A session that stands still in a transaction for longer is ended by the server. */
  readonly idleInTransactionMs: number
}

const SQL_MODE = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'

/**
 * What every session of ours has, in one statement. Comments of the one kind are read by MariaDB alone,
 * of the other kind by MySQL alone.
 *
 * MySQL has no limit for an idle transaction: there the whole session ends when it stands still, also
 * between transactions, and the pool makes another. And its limit of a statement is for SELECT alone:
 * what writes there is given up by our clock.
 */
export function sessionStatement(options: SessionOptions): string {
  const idleSeconds = Math.max(1, Math.ceil(options.idleInTransactionMs / 1000))
  const settings = [
    // A handler may change its session: answers then say so, and only then is it brought back. First, since
    // it makes the server forget what it has to say of the others: the driver is to hear of the character set.
    ...(options.autocommit
      ? []
      : [`session_track_system_variables = '*'`, 'session_track_state_change = 1']),
    `autocommit = ${options.autocommit ? 1 : 0}`,
    `sql_mode = '${SQL_MODE}'`,
    `time_zone = '+00:00'`,
    'character_set_client = utf8mb4',
    'character_set_results = utf8mb4',
    'collation_connection = utf8mb4_bin',
    'lock_wait_timeout = 5',
  ]
  if (options.lockWaitSeconds !== undefined) {
    settings.push(`innodb_lock_wait_timeout = ${options.lockWaitSeconds}`)
  }
  settings.push(`@crossdock_gives_turns = ${options.givesTurns === true ? 1 : 'NULL'}`)
  const mariadb = [
    `tx_isolation = 'READ-COMMITTED'`,
    // Some errors have a number that says too little, and are known by their text.
    `lc_messages = 'en_US'`,
    `idle_transaction_timeout = ${idleSeconds}`,
    ...(options.autocommit ? [`max_statement_time = ${STATEMENT_LIMIT_MS / 1000}`] : []),
  ]
  const mysql = [
    `transaction_isolation = 'READ-COMMITTED'`,
    ...(options.autocommit
      ? [`max_execution_time = ${STATEMENT_LIMIT_MS}`]
      : [`wait_timeout = ${idleSeconds}`]),
  ]
  return (
    `SET SESSION ${settings.join(', ')}` +
    ` /*M!, ${mariadb.join(', ')} */ /*!80000 , ${mysql.join(', ')} */`
  )
}

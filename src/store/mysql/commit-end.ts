import { written, type Ended } from '../endings.ts'
import { endText } from './complete-rows.ts'
import type { Database, Run } from './connect.ts'
import { historyRows } from './end-rows.ts'
import { errnoOf } from './errors.ts'
import { checkTexts, settleOneIn } from './settle.ts'

/** What the block below raises where the execution is no longer its worker's. Servers use none of that height. */
const NOT_HELD = 32_571

/**
 * Ends one execution, with its history row, and commits: the end of a handler's transaction. `savepoint` is
 * released first, where it is named.
 *
 * MariaDB takes all of it as one block, in one round trip instead of four: that more than doubled the speed of
 * jobs with one statement of their own. The server reads the values of the block before it runs any of it, so
 * the session must be ours already.
 *
 * Returns whether the execution was still the worker's. Where not, nothing is committed.
 */
export async function commitEnd(
  run: Run,
  database: Database,
  settlement: Ended,
  savepoint?: string,
): Promise<boolean> {
  if (database.takesBlocks()) {
    const text = block(database, settlement, savepoint)
    // The result of a job stands in it twice.
    if (Buffer.byteLength(text) <= (await database.maxStatementBytes()))
      return await runBlock(run, text)
  }
  if (savepoint !== undefined) await run(`RELEASE SAVEPOINT ${savepoint}`)
  if (!(await settleOneIn(run, database, settlement))) return false
  await run('COMMIT')
  return true
}

async function runBlock(run: Run, text: string): Promise<boolean> {
  try {
    await run(text)
    return true
  } catch (error) {
    if (errnoOf(error) === NOT_HELD) return false
    throw error
  }
}

function block(database: Database, settlement: Ended, savepoint: string | undefined): string {
  checkTexts(settlement)
  const writes = written(settlement.ending)
  const { head, parts, tail } = historyRows(database, [{ ended: settlement, writes }])
  const statements = [
    ...(savepoint === undefined ? [] : [`RELEASE SAVEPOINT ${savepoint}`]),
    endText(database, settlement),
    `IF ROW_COUNT() <> 1 THEN
      SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = ${NOT_HELD}, MESSAGE_TEXT = 'the lease is lost'; END IF`,
    ...(settlement.durationMs === null ? [] : [head + parts.join(',') + tail]),
    'COMMIT',
  ]
  return `BEGIN NOT ATOMIC ${statements.join('; ')}; END`
}

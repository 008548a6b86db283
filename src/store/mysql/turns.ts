import { turnName, type TurnKey } from '../../domain/turn.ts'
import type { GivenTurns, LateTurns, TurnWalk } from '../../ports/given-turns.ts'
import { giveAll, LATE_SEQS, type FreeHead } from '../turns.ts'
import type { Database } from './connect.ts'
import { jsonParts, numberList, literal } from './text.ts'

/** Lanes of one statement: their names, at most 515 characters each, stay well below the smallest packet. */
const MAX_LANES = 250

interface HeadRow {
  readonly seq: string
  readonly queue: string
}

/** What gives turns. */
export function makeTurns(database: Database) {
  const { queueJobs } = database.names

  /**
   * The heads of these lanes that are due, where nobody has the turn: two probes a lane, of queue_jobs_lane
   * and queue_jobs_turn. Without a lock: whoever skipped a locked head here would overtake it.
   */
  async function freeHeads(names: readonly string[]): Promise<readonly HeadRow[]> {
    const lanes = jsonParts(names.map((name) => ({ n: name }))).join(',')
    const { rows } = await database.run<HeadRow>(`SELECT j.seq, j.queue
      FROM JSON_TABLE('[${lanes}]', '$[*]' COLUMNS (name varchar(515) CHARACTER SET utf8mb4 PATH '$.n')) lane
      STRAIGHT_JOIN ${queueJobs} j FORCE INDEX (PRIMARY) ON j.seq = (
        SELECT w.seq FROM ${queueJobs} w FORCE INDEX (queue_jobs_lane)
        WHERE w.turnlane = lane.name ORDER BY w.seq LIMIT 1)
      WHERE j.statusid + 0 = 1 AND NOT EXISTS (
        SELECT 1 FROM ${queueJobs} h FORCE INDEX (queue_jobs_turn) WHERE h.turnholder = lane.name)`)
    return rows
  }

  /** A head that somebody has locked is passed over. Walks the primary key. */
  async function giveGroup(names: readonly string[]): Promise<readonly FreeHead[]> {
    const heads = await freeHeads(names)
    if (heads.length === 0) return []
    return await database.transaction(async (run) => {
      const { rows } = await run<{ seq: string }>(`SELECT seq
        FROM ${queueJobs} FORCE INDEX (PRIMARY)
        WHERE seq IN (${numberList(heads.map(({ seq }) => seq))}) AND statusid + 0 = 1 AND active
        ORDER BY seq FOR UPDATE SKIP LOCKED`)
      if (rows.length > 0) {
        await run(`UPDATE ${queueJobs} SET statusid = 0, modifiedon = UTC_TIMESTAMP(6)
          WHERE seq IN (${numberList(rows.map(({ seq }) => seq))})`)
      }
      const given = new Set(rows.map(({ seq }) => seq))
      return heads.map(({ seq, queue }) => ({ queue, given: given.has(seq) }))
    })
  }

  async function giveNamed(names: readonly string[]): Promise<GivenTurns> {
    const distinct = [...new Set(names)]
    const queues = new Set<string>()
    let count = 0
    for (let from = 0; from < distinct.length; from += MAX_LANES) {
      const given = await giveAll(distinct.slice(from, from + MAX_LANES), giveGroup)
      for (const queue of given.queues) queues.add(queue)
      count += given.count
    }
    return { queues: [...queues], count }
  }

  return {
    giveTurns: (keys: readonly TurnKey[]): Promise<GivenTurns> => giveNamed(keys.map(turnName)),

    /**
     * Reads so many entries of queue_jobs_lane, not lanes: nothing here jumps from lane to lane whatever the
     * statistics say. What is left of a long lane is jumped over by the next step.
     */
    walkTurns: async (request: {
      readonly after: string | null
      readonly limit: number
    }): Promise<TurnWalk> => {
      const { rows } = await database.run<{ name: string; entries: string }>(`SELECT name,
          COUNT(*) AS entries
        FROM (SELECT turnlane AS name FROM ${queueJobs} FORCE INDEX (queue_jobs_lane)
          WHERE turnlane > ${literal(request.after ?? '')}
          ORDER BY turnlane, seq LIMIT ${Math.max(1, Math.floor(request.limit))}) entry
        GROUP BY name ORDER BY name`)
      const given = await giveNamed(rows.map(({ name }) => name))
      const entries = rows.reduce((sum, row) => sum + Number(row.entries), 0)
      return { ...given, after: entries < request.limit ? null : (rows.at(-1)?.name ?? null) }
    },

    /** Walks the primary key over every row that came since, with a key or without. */
    lateTurns: async (request: {
      readonly since: string | null
      readonly limit: number
    }): Promise<LateTurns> => {
      if (request.since === null) {
        const { rows } = await database.run<{ seq: string | null }>(
          `SELECT MAX(seq) AS seq FROM ${queueJobs}`,
        )
        return { queues: [], count: 0, since: rows[0]?.seq ?? '0', more: false }
      }
      const from = numberList([(BigInt(request.since) - BigInt(LATE_SEQS)).toString()])
      const limit = Math.max(1, Math.floor(request.limit)) + LATE_SEQS
      const { rows: ends } = await database.run<{ seq: string | null; entries: string }>(`SELECT
          MAX(seq) AS seq, COUNT(*) AS entries
        FROM (SELECT seq FROM ${queueJobs} FORCE INDEX (PRIMARY) WHERE seq > ${from}
          ORDER BY seq LIMIT ${limit}) came`)
      const seq = ends[0]?.seq ?? null
      if (seq === null) return { queues: [], count: 0, since: request.since, more: false }
      const { rows } = await database.run<{ name: string }>(`SELECT DISTINCT turnlane AS name
        FROM ${queueJobs} FORCE INDEX (PRIMARY)
        WHERE seq > ${from} AND seq <= ${numberList([seq])} AND statusid + 0 = 1
          AND turnlane IS NOT NULL`)
      const given = await giveNamed(rows.map(({ name }) => name))
      const since = BigInt(seq) > BigInt(request.since) ? seq : request.since
      return { ...given, since, more: Number(ends[0]?.entries) === limit }
    },
  }
}

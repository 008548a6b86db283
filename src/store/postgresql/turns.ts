import { turnName, type TurnKey } from '../../domain/turn.ts'
import type { GivenTurns, LateTurns, TurnWalk } from '../../ports/given-turns.ts'
import { giveAll, LATE_SEQS, type FreeHead } from '../turns.ts'
import type { Database, Statement } from './connect.ts'

/** The expressions and the condition of queue_jobs_turn, as migration 4 has them: the planner compares text. */
const NAME = `((coalesce(length(j.tenantid)::text || ':' || j.tenantid, '') || '|' || j.orderingkey) COLLATE "C")`
const PLACE = '(CASE WHEN j.statusid IN (1, 7) THEN j.seq ELSE 0 END)'
const LIVE = `j.orderingkey IS NOT NULL AND j.statusid IN (0, 1, 2, 5, 7) AND (j.active OR j.statusid = 2)`

/**
 * Gives each lane's turn to its head, where nobody has it and the head is due. The first entry of a lane in
 * queue_jobs_turn tells: who has the turn stands before all who wait. Then walks the primary key. A head that
 * somebody has locked is passed over, not overtaken.
 */
export function giveStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_turns_give',
    text: `WITH head AS MATERIALIZED (
        SELECT first.id, first.queue FROM unnest((SELECT $1::text[])) AS lane(name)
        CROSS JOIN LATERAL (
          SELECT j.id, j.queue, j.statusid FROM ${names.queueJobs} j WHERE ${NAME} = lane.name AND ${LIVE}
          ORDER BY ${PLACE} LIMIT 1
        ) first
        WHERE first.statusid = 1
      ), due AS MATERIALIZED (
        SELECT j.id FROM ${names.queueJobs} j
        WHERE j.id = ANY (ARRAY(SELECT id FROM head)) AND j.statusid + 0 = 1 AND j.active
        FOR NO KEY UPDATE SKIP LOCKED
      ), moved AS (
        UPDATE ${names.queueJobs} j SET statusid = 0, modifiedon = clock_timestamp()
        WHERE j.id = ANY (ARRAY(SELECT id FROM due))
        RETURNING j.id
      )
      SELECT head.queue, head.id = ANY (ARRAY(SELECT id FROM moved)) AS given FROM head`,
  }
}

/**
 * The lanes behind `$1`, at most `$2`, each with the status of its first entry: jumps from lane to lane along
 * queue_jobs_turn, one probe a lane, however many jobs stand in each.
 */
export function walkStatement({ names }: Database): Statement {
  const next = (after: string): string => `SELECT ${NAME} AS name, j.statusid
        FROM ${names.queueJobs} j WHERE ${NAME} > ${after} AND ${LIVE} ORDER BY ${NAME}, ${PLACE} LIMIT 1`
  return {
    name: 'crossdock_turns_walk',
    text: `WITH RECURSIVE walk(name, statusid) AS (
        (${next('$1::text')})
        UNION ALL
        SELECT following.name, following.statusid
        FROM walk CROSS JOIN LATERAL (${next('walk.name')}) following
      )
      SELECT name, statusid FROM walk LIMIT $2`,
  }
}

/** Who came to wait behind the seq `$1`. Walks queue_jobs_queued. */
export function lateStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_turns_late',
    text: `SELECT ${NAME} AS name, j.seq FROM ${names.queueJobs} j
      WHERE j.statusid = 1 AND j.active AND j.orderingkey IS NOT NULL AND j.seq > $1::bigint
      ORDER BY j.seq LIMIT $2`,
  }
}

/** What gives turns. */
export function makeTurns(database: Database) {
  const give = giveStatement(database)
  const walk = walkStatement(database)
  const late = lateStatement(database)
  const last: Statement = {
    name: 'crossdock_turns_last',
    text: `SELECT j.seq FROM ${database.names.queueJobs} j WHERE j.statusid = 1 AND j.active
      ORDER BY j.seq DESC LIMIT 1`,
  }

  function giveNamed(names: readonly string[]): Promise<GivenTurns> {
    return giveAll(names, async (group) => {
      const { rows } = await database.run<FreeHead>(give, [group])
      return rows
    })
  }

  return {
    giveTurns: (keys: readonly TurnKey[]): Promise<GivenTurns> => giveNamed(keys.map(turnName)),

    walkTurns: async (request: {
      readonly after: string | null
      readonly limit: number
    }): Promise<TurnWalk> => {
      const { rows } = await database.run<{ name: string; statusid: number }>(walk, [
        request.after ?? '',
        request.limit,
      ])
      const free = rows.filter(({ statusid }) => statusid === 1)
      const given = await giveNamed(free.map(({ name }) => name))
      return { ...given, after: rows.length < request.limit ? null : (rows.at(-1)?.name ?? null) }
    },

    lateTurns: async (request: {
      readonly since: string | null
      readonly limit: number
    }): Promise<LateTurns> => {
      if (request.since === null) {
        const { rows } = await database.run<{ seq: string }>(last, [])
        return { queues: [], count: 0, since: rows[0]?.seq ?? '0', more: false }
      }
      const { rows } = await database.run<{ name: string; seq: string }>(late, [
        (BigInt(request.since) - BigInt(LATE_SEQS)).toString(),
        request.limit + LATE_SEQS,
      ])
      const given = await giveNamed(rows.map(({ name }) => name))
      const more = rows.length === request.limit + LATE_SEQS
      const seq = rows.at(-1)?.seq ?? '0'
      return { ...given, since: BigInt(seq) > BigInt(request.since) ? seq : request.since, more }
    },
  }
}

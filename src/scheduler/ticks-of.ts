import { scheduleProblem, type ScheduleDefinition } from '../domain/schedule.ts'
import { intervalTicks, rememberedTicks, type Ticks } from '../domain/ticks.ts'
import { readCron } from './cron/expression.ts'
import { cronTicks } from './cron/ticks.ts'
import { zoneOf, type Zone } from './cron/zone.ts'

/** The ticks of a definition, whatever its bounds; or why it has none, in one sentence. */
export type TicksOrProblem = { readonly ticks: Ticks } | { readonly problem: string }

/** Of each cron expression and zone one, the oldest forgotten: reading an expression takes 60 µs. */
const MAX_KEPT = 2_000
const kept = new Map<string, TicksOrProblem>()

/** Reads when a schedule fires. `H` in a cron expression is drawn by the schedule's id. */
export function ticksOf(id: string, definition: ScheduleDefinition): TicksOrProblem {
  const problem = scheduleProblem(definition)
  if (problem !== undefined) return { problem }
  const { cronExpression, timeZone, intervalSeconds, startAt, createdAt } = definition
  if (cronExpression !== null) return cronOf(cronExpression, timeZone, id)
  return {
    ticks: intervalTicks({
      anchor: startAt ?? createdAt,
      intervalSeconds: intervalSeconds ?? 1,
      first: startAt === null ? 1 : 0,
    }),
  }
}

function cronOf(expression: string, timeZone: string, id: string): TicksOrProblem {
  // The H of THU and MARCH is no draw, and then costs an entry alone.
  const seed = /h/i.test(expression) ? id : 'any'
  const key = JSON.stringify([expression, timeZone, seed])
  const known = kept.get(key)
  if (known !== undefined) return known
  const made = makeCron(expression, timeZone, seed)
  const [oldest] = kept.keys()
  if (kept.size >= MAX_KEPT && oldest !== undefined) kept.delete(oldest)
  kept.set(key, made)
  return made
}

function makeCron(expression: string, timeZone: string, seed: string): TicksOrProblem {
  const zone = zoneOrNone(timeZone)
  if (zone === undefined) {
    return {
      problem: `the timezone '${timeZone}' is none: give an IANA name, such as Europe/Berlin`,
    }
  }
  const walls = readCron(expression, seed)
  if ('problem' in walls) {
    return { problem: `the cronexpression '${expression}' cannot be read: ${walls.problem}` }
  }
  return { ticks: rememberedTicks(cronTicks(walls, zone)) }
}

function zoneOrNone(name: string): Zone | undefined {
  try {
    return zoneOf(name)
  } catch {
    return undefined
  }
}

import type { NewJob } from '../domain/job.ts'
import { OUTBOUND_HANDLER } from '../domain/outbound.ts'
import type { InputProblem } from '../ports/adapter.ts'
import type { MakeId } from '../ports/clock.ts'
import type { HandlerRegistry, ParseInput } from '../ports/handler.ts'
import { replayKey } from './inbox-key.ts'
import type { MappedMessage } from './map-messages.ts'
import { messageRow, routeRow, type RowSource } from './message-row.ts'

/**
 * Every row that a message becomes: its handler's first, then one for each target of the routes that want it. They are one
 * message, and go into one commit.
 */
export function messageRows(
  source: Omit<RowSource, 'id'>,
  { values, routed }: Extract<MappedMessage, { readonly outcome: 'mapped' }>,
  { handlers, makeId }: { readonly handlers: HandlerRegistry; readonly makeId: MakeId },
): readonly NewJob[] {
  const { handler } = source.subscription
  const own =
    handler === undefined
      ? []
      : [messageRow({ ...source, id: makeId() }, values, handlers.get(handler))]
  const wanted = routed.flatMap((each) => each.route.to.map((target) => ({ each, target })))
  const targets = wanted.map(({ each, target }, index) =>
    routeRow({ ...source, id: makeId() }, values, each, {
      ...target,
      // Somebody must have the key that the message's dead letter would have.
      isForMessage: handler === undefined && index === 0,
    }),
  )
  const rows = [...own, ...targets]
  const [first, ...others] = rows
  const { replay } = source
  if (first === undefined || replay === undefined || replay.force) return rows
  // Stored together, they need one key: under it the dead letter is replayed once.
  return [{ ...first, dedupeKey: first.dedupeKey ?? replayKey(replay.jobId) }, ...others]
}

/** What the handler of a row says against its input. Another instance may have the handler, and judges then. */
export async function inputProblems(
  row: NewJob,
  { handlers, parseInput }: { readonly handlers: HandlerRegistry; readonly parseInput: ParseInput },
): Promise<readonly InputProblem[]> {
  const handler = row.handler === OUTBOUND_HANDLER ? undefined : handlers.get(row.handler)
  if (handler?.input === undefined) return []
  const parsed = await parseInput(handler, {
    payload: row.payload ?? null,
    contentType: row.contentType ?? null,
    payloadEncoding: row.payloadEncoding ?? null,
  })
  return parsed.ok ? [] : parsed.problems
}

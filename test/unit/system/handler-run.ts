import type { Handler, HandlerContext } from '../../../src/ports/handler.ts'
import { silentLog } from '../ingest/fake-store.ts'

/** Runs one of the program's own handlers, which use their input, the signal and the log alone. */
export async function runHandler<Input>(
  handler: Handler<Input>,
  given: Partial<Pick<HandlerContext<Input>, 'input' | 'signal'>> = {},
): Promise<unknown> {
  const context = { signal: new AbortController().signal, log: silentLog, ...given }
  return await handler.run(context as HandlerContext<Input>)
}

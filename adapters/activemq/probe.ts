import { CrossdockError } from '../../src/domain/errors.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { ProbeFindings } from '../../src/ports/probe.ts'
import type { ActivemqConnectionOptions } from './options/connection.ts'
import { openLine } from './stomp-line.ts'

/** Tries the addresses in turn until one accepts us, and leaves again. @throws CrossdockError what each of them said */
export async function probeConnection(
  connection: ActivemqConnectionOptions,
  signal: AbortSignal,
): Promise<ProbeFindings> {
  const urls = typeof connection.urls === 'string' ? [connection.urls] : connection.urls
  const reasons: string[] = []
  for (const url of urls) {
    if (signal.aborted) break
    const found = await probeAddress(connection, url, signal)
    if (found.ok) {
      const notes = reasons
        .map((reason) => `not reached: ${reason}`)
        .concat(kindNote(connection, found.server))
      return { facts: `${found.server} at ${url}`, ...(notes.length > 0 && { notes }) }
    }
    reasons.push(`${url}: ${found.reason}`)
  }
  throw new CrossdockError('connection_failed', reasons.join('; '))
}

type Found =
  { readonly ok: true; readonly server: string } | { readonly ok: false; readonly reason: string }

async function probeAddress(
  connection: ActivemqConnectionOptions,
  url: string,
  signal: AbortSignal,
): Promise<Found> {
  let server: string | undefined
  const reason = await new Promise<string>((resolve) => {
    const line = openLine({
      connection,
      url,
      clientId: undefined,
      listener: {
        up: (one) => {
          ;({ server } = one)
          void one.close()
        },
        closed: resolve,
      },
      clock: processClock,
    })
    signal.addEventListener('abort', () => {
      line.cut('it was waited for no longer')
    })
  })
  return server === undefined ? { ok: false, reason } : { ok: true, server }
}

function kindNote({ broker }: ActivemqConnectionOptions, server: string): readonly string[] {
  const isArtemis = server.includes('Artemis')
  if (isArtemis === (broker === 'artemis')) return []
  return [`it looks like ${isArtemis ? 'Artemis' : 'Classic'}: set broker accordingly`]
}

/** A probe is of one moment: nothing of it outlives the call. */
const processClock: Clock = {
  monotonicMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs)
    return {
      cancel: () => {
        clearTimeout(timer)
      },
    }
  },
}

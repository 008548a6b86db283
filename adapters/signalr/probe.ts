import { CrossdockError } from '../../src/domain/errors.ts'
import type { ProbeFindings } from '../../src/ports/probe.ts'
import { createAccessTokens } from './access-tokens.ts'
import { createHubClient } from './hub-client.ts'
import { hubTrouble } from './hub-trouble.ts'
import type { SignalrConnectionOptions } from './options/connection.ts'

/**
 * Connects to the hub and leaves. The calls of `join` are not made: they change something there.
 * @throws CrossdockError `connection_failed` when the hub cannot be reached, or does not let us in
 */
export async function probeHub(
  options: SignalrConnectionOptions,
  signal: AbortSignal,
): Promise<ProbeFindings> {
  const { access_token: token, join } = options
  const tokens = token === undefined ? undefined : createAccessTokens(token, () => 0)
  let cause: unknown
  const client = createHubClient(options, tokens?.forConnection(), {
    failed: (error) => {
      cause = error
    },
  })
  const leave = (): void => {
    client.stop().catch(() => undefined)
  }
  signal.addEventListener('abort', leave)
  try {
    await client.start()
    return {
      facts: `a SignalR hub, by ${options.protocol}`,
      ...(join.length > 0 && { notes: ['the calls of join were not tried'] }),
    }
  } catch (error) {
    throw new CrossdockError('connection_failed', hubTrouble(error, cause), { cause: error })
  } finally {
    signal.removeEventListener('abort', leave)
    // Not waited for: one that still connects waits for its hub.
    leave()
  }
}

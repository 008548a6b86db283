import type { ProbeFindings } from '../../src/ports/probe.ts'
import { createAccessTokens } from './access-tokens.ts'
import { createHubClient } from './hub-client.ts'
import type { SignalrConnectionOptions } from './options/connection.ts'

/**
 * Connects to the hub and leaves. The calls of `join` are not made: they change something there.
 * @throws Error when the hub cannot be reached, or does not let us in
 */
export async function probeHub(
  options: SignalrConnectionOptions,
  signal: AbortSignal,
): Promise<ProbeFindings> {
  const { access_token: token, join } = options
  const tokens = token === undefined ? undefined : createAccessTokens(token, () => 0)
  const client = createHubClient(options, tokens?.forConnection())
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
  } finally {
    signal.removeEventListener('abort', leave)
    // Not waited for: one that still connects waits for its hub.
    leave()
  }
}

import { startOrSkip } from '../../services/require.ts'
import { startSignalr } from '../../services/signalr.ts'
import { type Arrival, type BridgeEnd, inLowerCase, type Kind } from './bridge-end.ts'

/** SignalR: JSON on one connection, bytes on another one, in MessagePack. A hub says no content types. */
export async function openSignalrEnd(): Promise<BridgeEnd | undefined> {
  const hub = await startOrSkip('signalr', () => startSignalr())
  if (hub === undefined) return undefined
  const connection = (kind: string): string => (kind === 'bin' ? 'bytes' : 'json')
  const join = (room: string): object[] => [{ method: 'Join', args: [room] }]
  return {
    protocol: 'signalr',
    connections: {
      json: { url: hub.url, join: join('json') },
      bytes: { url: hub.url, join: join('bytes'), protocol: 'messagepack' },
    },
    subscription: (intake) => ({ connection: connection(intake), event: intake }),
    publication: (kind) => ({ connection: connection(kind), method: 'Take' }),
    reachable: () => undefined,
    put: async ({ intake, body, headers }) => {
      const value =
        intake === 'bin'
          ? { base64: body.toString('base64') }
          : (JSON.parse(body.toString()) as unknown)
      await hub.deliver([{ event: intake, args: [value], headers }], connection(intake))
    },
    arrivals: async () => {
      const { invoked, headers } = await hub.state()
      return invoked.flatMap(({ method, args }, index): Arrival[] => {
        if (method !== 'Take') return []
        const texts = inLowerCase(headers[index] ?? {})
        const kind = texts['x-publication'] as Kind
        return [{ kind, body: bodyOf(args[0]), contentType: undefined, headers: texts }]
      })
    },
    close: () => hub.stop(),
  }
}

/** Bytes as they are, anything else as JSON. */
function bodyOf(argument: unknown): Buffer {
  const isBytes = typeof argument === 'object' && argument !== null && 'base64' in argument
  return isBytes
    ? Buffer.from(String(argument.base64), 'base64')
    : Buffer.from(JSON.stringify(argument))
}

import { connect, createServer, type AddressInfo } from 'node:net'
import { PACKET_KINDS, packetSplitter } from '../../services/mqtt-packets.ts'

/** A broker that answers everything but what was published: its acknowledgements get lost. */
export interface SwallowingBroker {
  readonly url: string
  /** How many clients have come so far. */
  clients(): number
  /** How many acknowledgements were lost. */
  swallowed(): number
  /** Loses no more from now on, on connections that come then. */
  mend(): void
  close(): Promise<void>
}

/** Stands before a real broker, and passes on all packets but each PUBACK. */
export async function swallowingBroker(url: URL): Promise<SwallowingBroker> {
  let clients = 0
  let swallowed = 0
  let isMended = false
  const sockets = new Set<{ destroy(): unknown }>()
  const server = createServer((inner) => {
    clients += 1
    const isSwallowing = !isMended
    const outer = connect(Number(url.port), url.hostname)
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        inner.destroy()
        outer.destroy()
      })
    }
    inner.pipe(outer)
    const split = packetSplitter()
    outer.on('data', (bytes: Buffer) => {
      for (const packet of split(bytes)) {
        if (isSwallowing && packet.kind === PACKET_KINDS.puback) swallowed += 1
        else inner.write(packet.bytes)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clients: () => clients,
    swallowed: () => swallowed,
    mend: () => (isMended = true),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

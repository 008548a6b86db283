import { connect, createServer, type Socket } from 'node:net'

/** A way to a server that can fall silent. */
export interface SilenceableServer {
  /** The server's address, by way of here. */
  readonly url: string
  /** Passes nothing on any more, in either direction; its connections stay open, and new ones are taken. */
  silence(): void
  /** Passes on what was held back, and all that follows. */
  speak(): void
  close(): Promise<void>
}

/**
 * Stands before a server that is reached by TCP, and passes bytes on until it is told to fall silent.
 * @param port where it listens; 0: any free one
 */
export async function silenceable(url: URL, port = 0): Promise<SilenceableServer> {
  const sockets = new Set<Socket>()
  let isSilent = false
  const proxy = createServer((inner) => {
    const outer = connect(Number(url.port), url.hostname)
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    inner.on('close', () => outer.destroy())
    inner.pipe(outer)
    outer.pipe(inner)
    if (isSilent) for (const socket of [inner, outer]) socket.pause()
  })
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve))
  const passing = new URL(url)
  passing.hostname = '127.0.0.1'
  passing.port = String((proxy.address() as { readonly port: number }).port)
  return {
    url: passing.href,
    silence: () => {
      isSilent = true
      for (const socket of sockets) socket.pause()
    },
    speak: () => {
      isSilent = false
      for (const socket of sockets) socket.resume()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}

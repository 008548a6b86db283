import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** The open connections of a server. */
export interface Connections {
  /** Closes those without a request under way now, and the others as soon as theirs is answered. */
  closeWhenIdle(): void
  /** Closes all at once. */
  closeAll(): void
}

/**
 * Follows the connections of a server, in order to close it. Node's own `closeIdleConnections` passes
 * over connections that have not sent anything yet, such as those that browsers open in advance:
 * closing would wait for them for the whole grace period.
 */
export function trackConnections(server: Server): Connections {
  const requests = new Map<Socket, number>()
  let closing = false
  const count = (socket: Socket, change: number): void => {
    const now = (requests.get(socket) ?? 0) + change
    if (requests.has(socket)) requests.set(socket, now)
    if (closing && now <= 0) socket.destroySoon()
  }
  server.on('connection', (socket: Socket) => {
    if (closing) {
      socket.destroy()
      return
    }
    requests.set(socket, 0)
    socket.once('close', () => requests.delete(socket))
  })
  server.on('request', ({ socket }, response) => {
    count(socket, 1)
    response.once('close', () => count(socket, -1))
  })
  return {
    closeWhenIdle: () => {
      closing = true
      for (const socket of requests.keys()) count(socket, 0)
    },
    closeAll: () => {
      for (const socket of requests.keys()) socket.destroy()
    },
  }
}

import { StompSocketState } from '@stomp/stompjs'
import type { ActivemqConnectionOptions } from '../options/connection.ts'
import { brokerAddress } from '../broker-address.ts'
import type { BrokerSocket, SocketListener } from './broker-socket.ts'
import { openStreamSocket } from './stream-socket.ts'
import { openWebSocket } from './web-socket.ts'

/** Opens a socket to an address: TCP, TLS or WebSocket. Never throws: a socket that cannot be is one that closes. */
export function openSocket(
  url: string,
  tls: ActivemqConnectionOptions['tls'],
  listener: SocketListener,
): BrokerSocket {
  const address = brokerAddress(url)
  try {
    return address.kind === 'stream'
      ? openStreamSocket(url, address, tls, listener)
      : openWebSocket(address, tls, listener)
  } catch (error) {
    // Such as a certificate that is none. The library would leave it unhandled.
    listener.failed(error)
    return closedSocket(url)
  }
}

function closedSocket(url: string): BrokerSocket {
  const one: BrokerSocket = {
    url,
    onopen: undefined,
    onmessage: undefined,
    onerror: undefined,
    onclose: undefined,
    readyState: StompSocketState.CLOSED,
    send: () => undefined,
    close: () => undefined,
    terminate: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
  }
  setImmediate(() => {
    one.onclose?.({})
  })
  return one
}

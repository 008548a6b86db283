import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { StompSocketState } from '@stomp/stompjs'
import type { BrokerAddress } from '../broker-address.ts'
import type { ActivemqConnectionOptions } from '../options/connection.ts'
import { type BrokerSocket, frameBytes, type SocketListener } from './broker-socket.ts'
import { tlsSettings } from './tls-settings.ts'

/** STOMP as the brokers speak it, on TCP or TLS, in the shape of the WebSocket that the library expects. */
export function openStreamSocket(
  url: string,
  address: Extract<BrokerAddress, { kind: 'stream' }>,
  tls: ActivemqConnectionOptions['tls'],
  listener: SocketListener,
): BrokerSocket {
  const socket = open(address, tls)
  let state: StompSocketState = StompSocketState.CONNECTING
  let isCorked = false
  const one: BrokerSocket = {
    url,
    onopen: undefined,
    onmessage: undefined,
    onerror: undefined,
    onclose: undefined,
    get readyState() {
      return state
    },
    send: (data) => {
      // What is written in one go leaves in one go: many acknowledgements are one packet.
      if (!isCorked) {
        isCorked = true
        socket.cork()
        setImmediate(() => {
          isCorked = false
          socket.uncork()
        })
      }
      socket.write(frameBytes(data))
    },
    close: () => {
      if (state === StompSocketState.CLOSED) return
      state = StompSocketState.CLOSING
      socket.end()
    },
    terminate: () => {
      socket.destroy()
    },
    pause: () => {
      socket.pause()
    },
    resume: () => {
      socket.resume()
    },
  }
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 30_000)
  socket.on(address.tls ? 'secureConnect' : 'connect', () => {
    state = StompSocketState.OPEN
    one.onopen?.()
  })
  socket.on('data', (data: Buffer) => {
    listener.heard()
    one.onmessage?.({ data })
  })
  socket.on('error', (error) => {
    listener.failed(error)
  })
  socket.on('close', () => {
    state = StompSocketState.CLOSED
    one.onclose?.({})
  })
  return one
}

function open(
  { host, port, tls }: Extract<BrokerAddress, { kind: 'stream' }>,
  settings: ActivemqConnectionOptions['tls'],
): Socket {
  if (!tls) return connectPlain({ host, port })
  // A name of the address is what the certificate must have; an IP address is no server name of TLS.
  const named = isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ host, port, ...named, ...tlsSettings(settings) })
}

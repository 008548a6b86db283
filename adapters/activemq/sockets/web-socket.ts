import type { ClientRequestArgs } from 'node:http'
import { WebSocket, type ClientOptions } from 'ws'
import type { BrokerAddress } from '../broker-address.ts'
import type { ActivemqConnectionOptions } from '../options/connection.ts'
import { type BrokerSocket, frameBytes, type SocketListener } from './broker-socket.ts'
import { tlsSettings } from './tls-settings.ts'

/**
 * STOMP over WebSocket. The package ws, since the WebSocket that Node brings along takes no certificates and cannot
 * be told to read no more.
 */
export function openWebSocket(
  { url }: Extract<BrokerAddress, { kind: 'websocket' }>,
  tls: ActivemqConnectionOptions['tls'],
  listener: SocketListener,
): BrokerSocket {
  const options: ClientOptions & ClientRequestArgs = {
    perMessageDeflate: false,
    ...tlsSettings(tls),
  }
  const socket = new WebSocket(url, ['v11.stomp'], options)
  socket.binaryType = 'nodebuffer'
  const one: BrokerSocket = {
    url,
    onopen: undefined,
    onmessage: undefined,
    onerror: undefined,
    onclose: undefined,
    get readyState() {
      return socket.readyState
    },
    send: (data) => {
      // Between the close and its event the library still says its goodbye.
      socket.send(frameBytes(data), () => undefined)
    },
    close: () => {
      socket.close()
    },
    terminate: () => {
      socket.terminate()
    },
    pause: () => {
      socket.pause()
    },
    resume: () => {
      socket.resume()
    },
  }
  socket.on('open', () => {
    one.onopen?.()
  })
  socket.on('message', (data) => {
    listener.heard()
    one.onmessage?.({ data })
  })
  socket.on('error', (error) => {
    listener.failed(error)
  })
  socket.on('close', () => {
    one.onclose?.({})
  })
  return one
}

import { isUtf8 } from 'node:buffer'
import type { ClientRequestArgs } from 'node:http'
import { WebSocket, type ClientOptions } from 'ws'
import type { BrokerAddress } from '../broker-address.ts'
import type { ActivemqConnectionOptions } from '../options/connection.ts'
import { type BrokerSocket, frameBytes, type SocketListener } from './broker-socket.ts'
import { tlsSettings } from './tls-settings.ts'

/** Of a close that says nothing. Source: RFC 6455, section 7.4.1. */
const [NORMAL, NO_CODE, BROKEN] = [1_000, 1_005, 1_006]

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
      const frame = frameBytes(data)
      // Classic drops frames of bytes without a word, whatever is in them.
      const isText = typeof frame === 'string' || isUtf8(frame)
      socket.send(frame, { binary: !isText }, () => undefined)
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
  socket.on('close', (code, reason) => {
    // 1009 is a frame that is too large: there is no ERROR then.
    const isSaid = code !== NORMAL && code !== NO_CODE && code !== BROKEN
    if (isSaid) listener.failed(`the broker closed with code ${code} ${reason.toString()}`.trim())
    one.onclose?.({})
  })
  return one
}

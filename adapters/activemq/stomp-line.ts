import { Client, StompHeaders, Versions, type IFrame } from '@stomp/stompjs'
import { connectionTrouble } from '../../src/domain/connection-trouble.ts'
import { errorMessage } from '../../src/domain/errors.ts'
import type { Clock } from '../../src/ports/clock.ts'
import { frameText } from './error-frame.ts'
import { escapeHeader, escapeHeaders, unescapeHeaders } from './header-escapes.ts'
import { watchHeartBeat } from './heart-beat.ts'
import type { ActivemqConnectionOptions } from './options/connection.ts'
import { brokerAddress } from './broker-address.ts'
import type { BrokerSocket } from './sockets/broker-socket.ts'
import { openSocket } from './sockets/open-socket.ts'
import type { ReceivedFrame } from './received-frame.ts'

/** What a line tells. */
export interface LineListener {
  /** The broker has accepted us. */
  readonly up: (line: StompLine) => void
  /** It is gone, or never was; once, and last. */
  readonly closed: (reason: string) => void
}

/** What {@link openLine} needs. */
export interface LineOptions {
  readonly connection: ActivemqConnectionOptions
  readonly url: string
  /** Of a durable subscriber. */
  readonly clientId: string | undefined
  readonly listener: LineListener
  readonly clock: Clock
}

/** One connection to the broker, which is not made again. */
export interface StompLine {
  /** What answered: `ActiveMQ/6.1.8`. */
  readonly server: string
  /** Whether it carries bytes that are no text: Classic takes none over WebSocket. */
  readonly takesBytes: boolean
  isOpen(): boolean
  /** Called with each ERROR frame; left out: it breaks the line. */
  onError?: (frame: ReceivedFrame) => void
  send(headers: Readonly<Record<string, string>>, body: string | Uint8Array): void
  subscribe(
    destination: string,
    headers: Readonly<Record<string, string>>,
    received: (frame: ReceivedFrame) => void,
  ): void
  unsubscribe(headers: Readonly<Record<string, string>>): void
  acknowledge(messageId: string): void
  /** Calls back when the broker answers this receipt. */
  awaitReceipt(id: string, answered: () => void): void
  /** Reads no more until it is resumed. */
  pause(): void
  resume(): void
  /** Breaks it, as an outage would. */
  cut(reason: string): void
  /** Says goodbye, waits a little for the broker's answer, and closes. May be called twice. */
  close(): Promise<void>
}

/** Of the one subscription that a line can have. */
const SUBSCRIPTION = 'in'
const GOODBYE_MS = 2_000
/** STOMP 1.1: its escapes are ours, and its acknowledgements name the message. See docs/adr/0024-stomp.md. */
const VERSIONS = new Versions([Versions.V1_1])

/** Opens a line. The library never connects again by itself: what goes out on a line belongs to it. */
export function openLine({
  connection,
  url,
  clientId,
  listener,
  clock,
}: LineOptions): Pick<StompLine, 'cut' | 'close'> {
  let socket: BrokerSocket | undefined
  let reason: string | undefined
  let server: string | undefined
  let isOpen = false
  let isOver = false
  let closing: Promise<void> | undefined

  const heartBeat = watchHeartBeat({
    outgoingMs: connection.heart_beat_outgoing,
    incomingMs: connection.heart_beat_incoming,
    beat: () => socket?.send('\n'),
    silent: (ms) => {
      cut(`the broker was not heard of for ${ms} ms`)
    },
    clock,
  })

  let current: StompLine | undefined
  const client = new Client()
  client.stompVersions = VERSIONS
  client.reconnectDelay = 0
  client.connectHeaders = connectHeaders(connection, url, clientId)
  client.heartbeatOutgoing = connection.heart_beat_outgoing
  client.heartbeatIncoming = connection.heart_beat_incoming
  // A blocked process would take its broker for dead before it has read what came meanwhile: we look ourselves.
  client.heartbeatToleranceMultiplier = Number.POSITIVE_INFINITY
  client.webSocketFactory = () => {
    socket = openSocket(url, connection.tls, {
      heard: () => {
        heartBeat.heard()
      },
      failed: note,
    })
    return socket
  }
  client.onConnect = (frame) => {
    server = frame.headers['server'] ?? 'a broker that does not say its name'
    patience.cancel()
    heartBeat.begin(frame.headers['heart-beat'])
    isOpen = true
    const one = line(server)
    guarded(() => {
      listener.up(one)
    })
  }
  client.onStompError = (frame) => {
    guarded(() => {
      const received = receivedFrame(frame)
      if (current?.onError === undefined) cut(frameText(received))
      else current.onError(received)
    })
  }
  client.onWebSocketClose = over

  const patience = clock.after(connection.connect_timeout, () => {
    cut(`the broker did not accept us within ${connection.connect_timeout} ms`)
  })

  function over(): void {
    if (isOver) return
    isOver = true
    isOpen = false
    patience.cancel()
    heartBeat.end()
    listener.closed(reason ?? 'the connection was closed')
  }

  function note(error: unknown): void {
    reason ??= connectionTrouble(error)
  }

  function cut(why: string): void {
    note(why)
    isOpen = false
    socket?.terminate()
  }

  /** The library writes what a listener throws to the console, and goes on as if nothing were. */
  function guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      cut(errorMessage(error))
    }
  }

  async function close(): Promise<void> {
    const late = clock.after(GOODBYE_MS, () => {
      socket?.terminate()
    })
    note('we have left')
    await client.deactivate({ force: server === undefined }).catch(() => undefined)
    late.cancel()
    // It may not even have begun to connect.
    over()
  }

  function line(name: string): StompLine {
    const one: StompLine = {
      server: name,
      takesBytes: connection.broker !== 'classic' || brokerAddress(url).kind !== 'websocket',
      isOpen: () => isOpen,
      send: (headers, body) => {
        const { destination = '', ...others } = escapeHeaders(headers)
        client.publish({
          destination,
          headers: stompHeaders(others),
          // Only a text without its length is a TextMessage to the brokers.
          ...(typeof body === 'string'
            ? { body, skipContentLengthHeader: true }
            : { binaryBody: body }),
        })
      },
      subscribe: (destination, headers, received) => {
        client.subscribe(
          escapeHeader(destination),
          (frame) => {
            guarded(() => {
              received(receivedFrame(frame))
            })
          },
          stompHeaders({ ...escapeHeaders(headers), id: SUBSCRIPTION, ack: 'client-individual' }),
        )
      },
      unsubscribe: (headers) => {
        client.unsubscribe(SUBSCRIPTION, stompHeaders(headers))
      },
      acknowledge: (messageId) => {
        client.ack(escapeHeader(messageId), SUBSCRIPTION)
      },
      awaitReceipt: (id, answered) => {
        client.watchForReceipt(id, answered)
      },
      pause: () => {
        heartBeat.pause()
        socket?.pause()
      },
      resume: () => {
        heartBeat.resume()
        socket?.resume()
      },
      cut,
      close: () => (closing ??= close()),
    }
    current = one
    return one
  }

  client.activate()
  return { cut, close: () => (closing ??= close()) }
}

function connectHeaders(
  { username, password, virtual_host: virtualHost }: ActivemqConnectionOptions,
  url: string,
  clientId: string | undefined,
): StompHeaders {
  return stompHeaders({
    host: virtualHost ?? brokerAddress(url).host,
    ...(username !== undefined && { login: username }),
    ...(password !== undefined && { passcode: password }),
    ...(clientId !== undefined && { 'client-id': clientId }),
  })
}

function stompHeaders(headers: Readonly<Record<string, string>>): StompHeaders {
  return Object.assign(new StompHeaders(), headers)
}

function receivedFrame(frame: IFrame): ReceivedFrame {
  return { headers: unescapeHeaders(frame.headers), body: frame.binaryBody }
}

/** An address of a broker, taken apart. */
export type BrokerAddress =
  | { readonly kind: 'stream'; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly kind: 'websocket'; readonly host: string; readonly url: string }

/** Schemes, and the port that the brokers' own configurations give them. */
const STREAMS = new Map([
  ['stomp:', { port: 61_613, tls: false }],
  ['stomp+ssl:', { port: 61_612, tls: true }],
])
const WEB_SOCKETS = ['ws:', 'wss:']

/** Whether it is an address of ours, without a name and a password in it: those would be in the log. */
export function isBrokerAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  const isKnown = STREAMS.has(protocol) || WEB_SOCKETS.includes(protocol)
  return isKnown && hostname !== '' && username === '' && password === ''
}

/** Takes apart what {@link isBrokerAddress} has let through. */
export function brokerAddress(text: string): BrokerAddress {
  const url = new URL(text)
  // Of an IPv6 address the brackets are the URL's.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const stream = STREAMS.get(url.protocol)
  if (stream === undefined) return { kind: 'websocket', host, url: text }
  const port = url.port === '' ? stream.port : Number(url.port)
  return { kind: 'stream', host, port, tls: stream.tls }
}

import { isIP } from 'node:net'
import type { RedisOptions } from 'ioredis'

/** A Redis server to connect to. */
export interface RedisAddress {
  /** `host:port`, for logs. */
  readonly name: string
  readonly host: string
  readonly port: number
  /** `undefined`: the server's default user. */
  readonly username: string | undefined
  /** Never log it. */
  readonly password: string | undefined
  readonly database: number
  /** Encrypted, the certificate checked against the authorities that Node knows. */
  readonly tls: boolean
}

const DEFAULT_PORT = 6379

/** An attempt to connect, and the longest silence of a server that was asked something, in milliseconds. */
const SILENCE_MS = 5_000

/** The wait before the first reconnect and the longest one, in milliseconds. */
const RECONNECT_MS = { first: 50, longest: 2_000 }

/** Takes an address apart that the configuration has checked: `redis://[user:password@]host:port/db`. */
export function redisAddress(url: string): RedisAddress {
  const { protocol, hostname, port, username, password, pathname } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const number = port === '' ? DEFAULT_PORT : Number(port)
  return {
    name: `${hostname}:${number}`,
    host,
    port: number,
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
    database: Number(pathname.slice(1)),
    tls: protocol === 'rediss:',
  }
}

/**
 * How every connection of ours behaves: it reconnects for ever, keeps no command for later, and fails
 * what is under way when it breaks.
 */
export function connectionOptions(address: RedisAddress) {
  return {
    host: address.host,
    port: address.port,
    db: address.database,
    ...(address.username !== undefined && { username: address.username }),
    ...(address.password !== undefined && { password: address.password }),
    // Without a name the server of a shared address would not know which certificate to show.
    ...(address.tls && { tls: isIP(address.host) === 0 ? { servername: address.host } : {} }),
    connectionName: 'crossdock',
    connectTimeout: SILENCE_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: (times: number) =>
      Math.min(RECONNECT_MS.first * 2 ** (times - 1), RECONNECT_MS.longest),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    // A server that still loads its data is found out by asking it something; INFO may be forbidden.
    enableReadyCheck: false,
    disableClientInfo: true,
  } satisfies RedisOptions
}

/** What an error of the client says, without the password: old servers repeat what they did not understand. */
export function reasonOf(error: unknown, { password }: RedisAddress): string {
  const text = errorText(error)
  return password === undefined ? text : text.replaceAll(password, '***')
}

/** Where a name has several addresses and none could be reached, the error has no message, only a code. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  return 'code' in error ? String(error.code) : error.name
}

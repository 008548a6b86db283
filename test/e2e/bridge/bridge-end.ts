/** The protocols between which messages are carried. */
export const PROTOCOLS = ['http', 'kafka', 'mqtt', 'activemq', 'signalr'] as const
/** One of {@link PROTOCOLS}. */
export type Protocol = (typeof PROTOCOLS)[number]

/** What becomes of a message on its way: unchanged JSON, JSON that a route has mapped, bytes. */
export const KINDS = ['out', 'mapped', 'bin'] as const
/** One of {@link KINDS}: publications are named `<kind>-<protocol>`. */
export type Kind = (typeof KINDS)[number]

/** Subscriptions are named `<intake>-<protocol>`: `in` takes JSON, `bin` bytes. */
export type Intake = 'in' | 'bin'

/** A message that a test puts in. */
interface PutMessage {
  readonly intake: Intake
  readonly body: Buffer
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
}

/** A message that came out, as a foreign client sees it. */
export interface Arrival {
  readonly kind: Kind
  readonly body: Buffer
  /** `undefined`: its protocol says none. */
  readonly contentType: string | undefined
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Message key of Kafka, message group of ActiveMQ. */
  readonly key?: string | undefined
}

/** The far side of one protocol: a real server, with a foreign client that puts messages in and takes them out. */
export interface BridgeEnd {
  readonly protocol: Protocol
  /** Of the program's configuration: how it reaches this server. Names of subscriptions and publications come by themselves. */
  readonly connections: Readonly<Record<string, unknown>>
  subscription(intake: Intake): Readonly<Record<string, unknown>>
  publication(kind: Kind): Readonly<Record<string, unknown>>
  /** The program listens here, and takes messages in. */
  reachable(url: string): void
  /** Resolves when the far side has it; where senders call the program, when it is stored. */
  put(message: PutMessage): Promise<void>
  /** Everything that has come out so far. */
  arrivals(): Promise<readonly Arrival[]>
  close(): Promise<void>
}

/** Key or group of what is put in where the protocol has one. */
export const LINE = 'line-7'

/** Headers by names in lower case. */
export function inLowerCase(
  headers: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
  )
}

import type { Protocol } from '../domain/job-type.ts'
import type { PublicationAddress } from '../domain/outbound.ts'
import type { RetryPolicy } from '../domain/retry.ts'
import type { MapKey, MapValue } from '../ports/expressions.ts'
import type { ScheduleSettings } from '../ports/schedule-book.ts'

/** Certificates for the connection to the database, as PEM text. */
export interface TlsSettings {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly rejectUnauthorized: boolean
}

/** Settings of the database. */
export interface DatabaseConfiguration {
  /** `mysql`: also MariaDB. */
  readonly type: 'embedded' | 'postgresql' | 'mysql'
  /** Given exactly when `type` is not `embedded`. Holds a password: never log it. */
  readonly url?: string | undefined
  /** For what needs a session, where `url` leads to a pooler. Holds a password. */
  readonly directUrl?: string | undefined
  /** For conditions: a login that can only SELECT. Holds a password. */
  readonly conditionUrl?: string | undefined
  /** Run conditions with the login of `url` where there is no other. */
  readonly allowUnsafeConditions: boolean
  /** Of the tables. On MySQL a database, and that of `url` unless another is given. */
  readonly schema: string
  /** Connections for handlers' transactions; `Configuration` has settled the default. */
  readonly poolSize: number
  /** `true`: encrypt and check; `false`: as the address says. */
  readonly tls: boolean | TlsSettings
  /** Apply migrations at start. */
  readonly migrate: boolean
  /** Absolute; embedded only. */
  readonly dataDir: string
  /** Embedded only: also listen on 127.0.0.1 at this port; 0 any free one; left out: a socket alone. */
  readonly port?: number | undefined
  /** Listen for rows that other programs insert. */
  readonly notify: boolean
}

/** Settings of what makes several instances work together better. */
export interface CacheConfiguration {
  readonly adapter: 'redis' | 'none'
  readonly redis: {
    /** At least one, checked, each another server. They hold passwords: never log them. */
    readonly nodes: readonly string[]
    readonly keyPrefix: string
  }
}

/** Settings of one queue that has workers of its own. */
export interface QueueConfiguration {
  readonly workers: number
  readonly paused: boolean
}

/** How long rows are kept, in milliseconds; `null`: for ever. */
export interface RetentionConfiguration {
  readonly historyMs: number | null
  /** Of jobs that have ended. */
  readonly jobMs: number | null
  /** Of jobs that have an inbox key, at least. */
  readonly inboxMs: number | null
}

/** Settings of the workers. */
export interface JobsConfiguration {
  readonly enabled: boolean
  /** Jobs that run at once, of every queue that `queues` does not list. */
  readonly workers: number
  readonly pollIntervalMs: number
  /** The longest sleep of the scheduler. */
  readonly schedulerCheckIntervalMs: number
  readonly maxRetries: number
  readonly timeoutSeconds: number
  readonly leaseMs: number
  readonly retry: RetryPolicy
  readonly queues: Readonly<Record<string, QueueConfiguration>>
  /** Absolute paths. */
  readonly handlerFolders: readonly string[]
  readonly shutdownGraceMs: number
  readonly historyPayloads: 'changed' | 'always' | 'never'
  readonly retention: RetentionConfiguration
}

/** Settings of the HTTP server. */
export interface HttpConfiguration {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly bodyLimitBytes: number
  /** Everybody who reaches the port is served, also from beyond this machine. */
  readonly allowAnonymous: boolean
}

/** What one adapter does for the whole of an instance. */
export interface IntegrationConfiguration {
  readonly protocol: Protocol
  /** The adapter's own keys, as its `integrationOptions` put them out. */
  readonly options: Readonly<Record<string, unknown>>
}

/** One connection of one adapter. */
export interface ConnectionConfiguration {
  readonly protocol: Protocol
  readonly name: string
  /** The adapter's own keys, as its `connectionOptions` put them out. They hold secrets: never log them. */
  readonly options: Readonly<Record<string, unknown>>
}

/** One publication of one adapter. */
export interface PublicationConfiguration {
  readonly protocol: Protocol
  readonly name: string
  /** Of {@link ConnectionConfiguration}, of the same protocol. */
  readonly connection: string
  /** Template of the message key. */
  readonly key?: string | undefined
  /** Templates of headers, by name. */
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly maxRetries?: number | undefined
  readonly maxInFlight: number
  readonly rateLimit?: { readonly count: number; readonly perMs: number } | undefined
  readonly breaker: { readonly failures: number; readonly openMs: number }
  /** The adapter's own keys, as its `publicationOptions` put them out. */
  readonly options: Readonly<Record<string, unknown>>
}

/** One way on for the messages of a subscription. */
export interface RouteConfiguration {
  readonly name: string
  /** At least one. */
  readonly to: readonly PublicationAddress[]
  /** JSONata, on what the subscription's map made: which messages go this way. */
  readonly filter?: string | undefined
  readonly map?: Readonly<Partial<Record<MapKey, MapValue>>> | undefined
}

/** One subscription of one adapter. */
export interface SubscriptionConfiguration {
  readonly protocol: Protocol
  readonly name: string
  /** Of {@link ConnectionConfiguration}, of the same protocol; left out: it needs none. */
  readonly connection?: string | undefined
  /** Left out: it has routes. */
  readonly handler?: string | undefined
  /** Where its messages go on to, in the order of the file. */
  readonly routes?: readonly RouteConfiguration[] | undefined
  /** Where copies of its dead letters go. */
  readonly deadLetter?: PublicationAddress | undefined
  /** Left out, this and the next three: as the handler says, else `jobs`, else the defaults. */
  readonly queue?: string | undefined
  readonly priority?: number | undefined
  readonly maxRetries?: number | undefined
  readonly timeoutSeconds?: number | undefined
  readonly contentType: 'json' | 'text' | 'binary'
  /** When a message is at-least-once, in words; left out: never, for each has an identity. */
  readonly atLeastOnceWhen?: string | undefined
  /** JSONata: which messages are stored. */
  readonly filter?: string | undefined
  readonly map?: Readonly<Partial<Record<MapKey, MapValue>>> | undefined
  /** A JSON Schema for the payload as received: its absolute path, and the text it had. */
  readonly schema?: { readonly file: string; readonly text: string } | undefined
  /** Left out: it takes messages in however many of its jobs wait. */
  readonly backpressure?: { readonly pauseAbove: number; readonly resumeBelow: number } | undefined
  /** Left out: `dead`, but where the sender waits for the answer nothing is stored. */
  readonly onInvalid?: 'dead' | 'drop' | undefined
  /** The adapter's own keys, as its `subscriptionOptions` put them out. */
  readonly options: Readonly<Record<string, unknown>>
}

/** Settings of the log. */
export interface LoggingConfiguration {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** `auto`: `pretty` on a terminal, else `json`. */
  readonly format: 'auto' | 'json' | 'pretty'
}

/** A checked configuration: every default settled, every path absolute. */
export interface Configuration {
  /** Absolute; `undefined`: given as an object. */
  readonly file: string | undefined
  /** What paths in it are relative to. */
  readonly directory: string
  readonly instance: { readonly name: string; readonly id: string }
  readonly database: DatabaseConfiguration
  readonly cache: CacheConfiguration
  readonly jobs: JobsConfiguration
  readonly http: HttpConfiguration
  readonly integrations: readonly IntegrationConfiguration[]
  readonly connections: readonly ConnectionConfiguration[]
  readonly subscriptions: readonly SubscriptionConfiguration[]
  readonly publications: readonly PublicationConfiguration[]
  /** Written into `jobs` at start. */
  readonly schedules: readonly ScheduleSettings[]
  readonly logging: LoggingConfiguration
  /** What is allowed and probably not meant: sentences for people. */
  readonly warnings: readonly string[]
}

import type { z } from 'zod'
import type { Protocol } from '../domain/job-type.ts'
import type { ClientSlots } from './client-slots.ts'
import type { Clock } from './clock.ts'
import type { MessageSink } from './delivery.ts'
import type { Flow } from './flow.ts'
import type { HttpHost } from './http-host.ts'
import type { LineLag } from './line-lag.ts'
import type { JobWaits } from './job-waits.ts'
import type { Log } from './log.ts'
import type { MakeOffering } from './offering.ts'
import type { ProbeFindings } from './probe.ts'
import type { OutboundMessage, Publishing } from './outbound.ts'

export type { Delivery, DeliveryOptions, InputProblem, MessageSink } from './delivery.ts'

/** A connection as its adapter sees it. */
export interface AdapterConnection<Options> {
  readonly name: string
  /** The protocol's own keys, checked against {@link AdapterDefinition.connectionOptions}. They hold secrets. */
  readonly options: Options
}

/** A subscription as its adapter sees it. */
export interface AdapterSubscription<Options> {
  readonly name: string
  /** What its messages are: a protocol whose sender waits for an answer refuses others at once. */
  readonly contentType: 'json' | 'text' | 'binary'
  /** The protocol's own keys, checked against {@link AdapterDefinition.subscriptionOptions}. */
  readonly options: Options
  /** Whether messages are to be taken in now: paused by people, by too many waiting rows, by an outage. */
  readonly flow: Flow
}

/** A publication as its adapter sees it. */
export interface AdapterPublication<Options> {
  readonly name: string
  /** The protocol's own keys, checked against {@link AdapterDefinition.publicationOptions}. */
  readonly options: Options
  /** How long the far side may take to confirm a message. */
  readonly timeoutMs: number
}

/** What an adapter is given when one of its connections is to work. */
export interface AdapterContext<
  SubscriptionOptions,
  ConnectionOptions = unknown,
  PublicationOptions = unknown,
> {
  /** `undefined`: for the subscriptions that need none. */
  readonly connection: AdapterConnection<ConnectionOptions> | undefined
  readonly subscriptions: readonly AdapterSubscription<SubscriptionOptions>[]
  readonly publications: readonly AdapterPublication<PublicationOptions>[]
  readonly sink: MessageSink
  /** For protocols whose messages wait in the adapter until they are stored: offers them to {@link sink}. */
  readonly makeOffering: MakeOffering
  readonly http: HttpHost
  /** For protocols whose senders may want the result of their job in the answer. */
  readonly jobs: JobWaits
  /** For protocols whose broker keeps a session for each client, by its id. */
  readonly slots: ClientSlots
  /** `name` is the same for every instance of a deployment, `id` is this process's alone. */
  readonly instance: { readonly name: string; readonly id: string }
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
  /**
   * Says whether messages can be published now. While they cannot, the queues of its publications rest.
   * Before the first call they rest as well. May be called at any time, also with what it said before.
   */
  readonly connected: (isConnected: boolean) => void
  /**
   * Says that it cannot go on: it is stopped, and started anew after a while, for ever. A connection that
   * its library makes again by itself need not say so.
   */
  readonly failed: (error: unknown) => void
}

/** How an adapter is. */
export interface AdapterHealth {
  readonly status: 'ok' | 'degraded' | 'down'
  readonly detail?: string
}

/** An adapter at work, for one connection. */
export interface RunningAdapter {
  health(): AdapterHealth
  /** How far behind the lines of a subscription are, at the last look. Left out: the protocol does not say. */
  lag?(subscription: string): readonly LineLag[]
  /**
   * Publishes messages, at most {@link MAX_PUBLISHED} at once, and says of each, in order, what became of it. The
   * order in which they reach the far side is that of the list where the protocol can keep it. `signal` aborts
   * when nobody waits for the answer any more. Messages of a publication that it does not have are `unsent`. Left
   * out: it has no publications.
   */
  publish?(
    publication: string,
    messages: readonly OutboundMessage[],
    signal: AbortSignal,
  ): Promise<readonly Publishing[]>
  /**
   * Stops taking messages in; what was delivered is still acknowledged, and what is being published is still
   * confirmed. May be called twice.
   */
  stop(): Promise<void>
}

/** What an adapter does for the whole of an instance, such as a broker that comes with it. */
export interface AdapterService {
  /** Where it is, for people. */
  readonly url: string
  stop(): Promise<void>
}

/** Messages of one {@link RunningAdapter.publish}, at most. */
export const MAX_PUBLISHED = 500

/**
 * A protocol adapter. It declares its options once, connects, receives, acknowledges, publishes, and knows
 * nothing of SQL or retries; of jobs it knows ids and, for senders who wait, that they have ended. The delivery contract is docs/adr/0003-delivery-contract.md.
 */
export interface AdapterDefinition<
  SubscriptionOptions extends z.ZodObject = z.ZodObject,
  ConnectionOptions extends z.ZodObject = z.ZodObject,
  PublicationOptions extends z.ZodObject = z.ZodObject,
  IntegrationOptions extends z.ZodObject = z.ZodObject,
> {
  readonly protocol: Protocol
  /** What a subscription says beyond the common keys: the source of its type, schema and docs. */
  readonly subscriptionOptions: SubscriptionOptions
  /** What a connection says. */
  readonly connectionOptions: ConnectionOptions
  /** What a publication says beyond the common keys. */
  readonly publicationOptions: PublicationOptions
  /** What `integrations.<protocol>` says beside connections, subscriptions and publications. Left out: nothing. */
  readonly integrationOptions?: IntegrationOptions
  /**
   * Keys of a publication whose texts, at any depth, are templates. They are rendered for each message and
   * given to {@link RunningAdapter.publish} as its `target`.
   */
  readonly templates: readonly string[]
  /**
   * How {@link RunningAdapter.publish} is called. `batches`, also where it is left out: with what has gathered;
   * a batch has ended when its slowest message has. `singly`: with one message each time, whenever there is one, so that a
   * message that hangs keeps no other from its end. For protocols in which each message is an exchange of its own.
   */
  readonly publishes?: 'batches' | 'singly'
  /**
   * How many messages of one publication a connection can have under way: more are not begun, since their time would run
   * out while they wait. Left out: as many as the publication allows.
   */
  maxInFlight?(options: z.output<ConnectionOptions>): number
  /** Whether a subscription may be without a connection: then it is served by the instance itself. */
  readonly subscriptionConnection: 'required' | 'optional'
  /**
   * Which messages of a subscription have no identity, as words after "when"; `undefined`: every one has
   * one. A method left out: no message has one.
   */
  withoutIdentity?(options: z.output<SubscriptionOptions>): string | undefined
  /**
   * Begins what works for the whole of an instance: before the first connection, and it is stopped after the
   * last one. `undefined`: there is nothing to do.
   * @throws CrossdockError, which stops the start
   */
  startService?(
    options: z.output<IntegrationOptions>,
    context: { readonly log: Log },
  ): Promise<AdapterService | undefined>
  /**
   * Tries one connection: connects as {@link start} would, looks, changes nothing at the far side, disconnects. For
   * `check --connect`. Left out: connections are not tried.
   * @param signal aborted when it is waited for no longer: everything is to be let go
   * @throws any error, whose message says what is wrong
   */
  probe?(options: z.output<ConnectionOptions>, signal: AbortSignal): Promise<ProbeFindings>
  /**
   * Begins to work for one connection. It may reject, and is called again then after a while: what can only
   * fail for ever is a matter of the options. It need not wait until the connection is there.
   */
  start(
    context: AdapterContext<
      z.output<SubscriptionOptions>,
      z.output<ConnectionOptions>,
      z.output<PublicationOptions>
    >,
  ): Promise<RunningAdapter>
}

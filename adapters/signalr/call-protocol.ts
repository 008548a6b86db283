import { type IHubProtocol, JsonHubProtocol, MessageType } from '@microsoft/signalr'
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack'

/** An invocation with all that the protocol says of it: the library shows its arguments alone. */
export class Call {
  readonly target: string
  readonly args: readonly unknown[]
  readonly headers: Readonly<Record<string, string>>
  /** Whether the other side waits for a result. */
  readonly isAwaited: boolean

  constructor(call: Pick<Call, 'target' | 'args' | 'headers' | 'isAwaited'>) {
    this.target = call.target
    this.args = call.args
    this.headers = call.headers
    this.isAwaited = call.isAwaited
  }
}

/** A hub that refused what we invoked: stands in the place of the result, so that no broken connection looks like it. */
export class HubRefusal {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

type Message = ReturnType<IHubProtocol['parseMessages']>[number]

/**
 * The hub protocol of this name, in which each invocation has one argument, a {@link Call}, in both directions.
 * The library gives handlers neither the headers nor whether the hub waits, and it rejects alike for an error
 * that the hub returned and for a connection that broke.
 * @param heard told whenever something comes from the hub
 * Source: the SignalR hub protocol, "Message Headers", "Invocations", "Completion".
 */
export function callProtocol(name: 'json' | 'messagepack', heard: () => void): IHubProtocol {
  const inner: IHubProtocol =
    name === 'messagepack' ? new MessagePackHubProtocol() : new JsonHubProtocol()
  return {
    name: inner.name,
    version: inner.version,
    transferFormat: inner.transferFormat,
    parseMessages: (input, logger) => {
      heard()
      return inner.parseMessages(input, logger).map(received)
    },
    writeMessage: (message) => inner.writeMessage(sent(message)),
  }
}

function received(message: Message): Message {
  // The union of the library is not told apart by `type`: pings have the enum's whole type.
  if (message.type === MessageType.Invocation && 'target' in message) {
    const args: unknown = message.arguments
    const call = new Call({
      target: message.target,
      args: Array.isArray(args) ? args : [],
      headers: message.headers ?? {},
      isAwaited: (message.invocationId ?? '') !== '',
    })
    return { ...message, type: MessageType.Invocation, arguments: [call] }
  }
  if (message.type === MessageType.Completion && 'error' in message && message.error) {
    const { invocationId, error } = message
    if (typeof invocationId !== 'string') return message
    return { type: MessageType.Completion, invocationId, result: new HubRefusal(error) }
  }
  return message
}

function sent(message: Message): Message {
  if (message.type !== MessageType.Invocation || !('target' in message)) return message
  const args: readonly unknown[] = message.arguments
  const [call] = args
  if (!(call instanceof Call)) return message
  return {
    ...message,
    type: MessageType.Invocation,
    headers: { ...call.headers },
    arguments: [...call.args],
  }
}

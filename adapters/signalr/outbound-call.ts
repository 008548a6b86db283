import { isJsonType, mediaType } from '../../src/domain/content-type.ts'
import { errorMessage } from '../../src/domain/errors.ts'
import { IDEMPOTENCY_HEADER } from '../../src/domain/outbound.ts'
import type { OutboundMessage } from '../../src/ports/outbound.ts'
import { Call } from './call-protocol.ts'
import type { SignalrConnectionOptions } from './options/connection.ts'
import type { SignalrPublicationOptions } from './options/publication.ts'

/** What is called at the hub, or why this message can never be. */
export type OutboundCall =
  { readonly ok: true; readonly call: Call } | { readonly ok: false; readonly problem: string }

/**
 * A job's message as a call of the hub. Its headers stand in the message, `idempotency-key` with the job's id among
 * them; hubs of ASP.NET Core do not show those to their methods.
 */
export function outboundCall(
  options: SignalrPublicationOptions,
  message: OutboundMessage,
  protocol: SignalrConnectionOptions['protocol'],
): OutboundCall {
  const target = message.target['method'] ?? options.method
  if (typeof target !== 'string' || target === '') {
    return { ok: false, problem: 'The method is no text, or is empty.' }
  }
  const args = argumentsOf(options, message, protocol)
  if (!args.ok) return args
  const headers = { ...textHeaders(message.headers), [IDEMPOTENCY_HEADER]: message.id }
  const isAwaited = options.mode === 'invoke'
  return { ok: true, call: new Call({ target, args: args.values, headers, isAwaited }) }
}

type Arguments =
  | { readonly ok: true; readonly values: readonly unknown[] }
  | { readonly ok: false; readonly problem: string }

/** `args` of the publication, rendered: by position, so that nothing moves up where one of them gives nothing. */
function argumentsOf(
  { args }: SignalrPublicationOptions,
  { target, payload, contentType }: OutboundMessage,
  protocol: SignalrConnectionOptions['protocol'],
): Arguments {
  if (args !== undefined) {
    const rendered = new Map<string, unknown>(Object.entries(target['args'] ?? {}))
    const missing = Object.keys(args).find((place) => !rendered.has(place))
    if (missing !== undefined) {
      return { ok: false, problem: `The template args.${missing} gave nothing.` }
    }
    return { ok: true, values: Object.keys(args).map((place) => rendered.get(place)) }
  }
  const type = mediaType(contentType)
  const text = (): string => new TextDecoder('utf-8', { fatal: true }).decode(payload)
  try {
    if (type === '' || isJsonType(type)) return { ok: true, values: [JSON.parse(text())] }
    if (type.startsWith('text/')) return { ok: true, values: [text()] }
    // JSON has no bytes; as hubs of .NET read those.
    return {
      ok: true,
      values: [protocol === 'json' ? Buffer.from(payload).toString('base64') : payload],
    }
  } catch (error) {
    return {
      ok: false,
      problem: `The payload is not what its content type says: ${errorMessage(error)}`,
    }
  }
}

/** The protocol has texts alone: several values of one name are one text, and bytes stay base64. */
function textHeaders(headers: OutboundMessage['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const texts = [value].flat().flatMap((one: unknown) => headerText(one) ?? [])
      return texts.length === 0 ? [] : [[name, texts.join(', ')] as const]
    }),
  )
}

function headerText(value: unknown): string | undefined {
  if (typeof value === 'object' && value !== null && 'base64' in value) {
    return typeof value.base64 === 'string' ? value.base64 : undefined
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' ? value : undefined
}

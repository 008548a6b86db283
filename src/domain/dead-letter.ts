import type { Headers, Job, NewJob } from './job.ts'
import { isStorable, isStorableJson } from './storable.ts'
import { addressOf, outboundJob, type PublicationAddress } from './outbound.ts'
import { travellingHeaders } from './travelling-headers.ts'

/**
 * The handler that a dead letter names whose subscription has routes and no handler. Nobody is called so, and nobody runs
 * it: replay is the way on.
 */
export const ROUTE_HANDLER = 'outbound.route'

/** A dead letter as its copy for a publication is made of it. */
export interface DeadLetterSource {
  /** The dead letter's own id: the copy's parent. */
  readonly id: string
  /** `protocol:name`. */
  readonly subscription: string
  readonly reason: string
  readonly error: string
  readonly handler: string
  readonly method: string | null | undefined
  /** How often it was tried; 0: it never was a job. */
  readonly attempts: number
  readonly payload: string | null | undefined
  readonly contentType: string | null | undefined
  readonly payloadEncoding: string | null | undefined
  readonly headers: Headers | null | undefined
  readonly key: string | undefined
  readonly tenantId?: string | null | undefined
  readonly correlationId?: string | null | undefined
}

/** A job that fails for good, as its row has it. */
export interface FailedJob extends Pick<
  Job,
  | 'handler'
  | 'protocol'
  | 'method'
  | 'contentType'
  | 'payloadEncoding'
  | 'headers'
  | 'metadata'
  | 'retryCount'
  | 'tenantId'
  | 'correlationId'
> {
  readonly id: string
  /** `undefined`: it was never read. */
  readonly payload: string | null | undefined
}

/** The longest text of a header: the whole stands in `lasterror` of the dead letter. */
const MAX_HEADER_CHARACTERS = 1_000

/** Which metadata says that a row is such a copy: of a copy none is made. */
const COPY_MARK = 'dead_letter_of'

/** The longest key of a message that goes with it: a dead letter must not be refused for its key. */
const MAX_KEY_CHARACTERS = 10_000

/** Whether a row is the copy of a dead letter. */
export function isDeadLetterCopy(metadata: NewJob['metadata'] | null): boolean {
  return metadata?.[COPY_MARK] !== undefined
}

/**
 * The row that sends a dead letter to a publication: its payload as it is stored, with headers that say why it died. No
 * data of the message can make the row be refused: what a column would not take stays behind.
 */
export function deadLetterCopy(
  source: DeadLetterSource,
  target: PublicationAddress,
  copyId: string,
): NewJob {
  const { headers, key } = source
  const own = headers === null || headers === undefined ? undefined : travellingHeaders(headers)
  const isKeyStorable =
    key !== undefined && key.length <= MAX_KEY_CHARACTERS && isStorable(key) && key !== ''
  return {
    ...outboundJob({
      id: copyId,
      ...target,
      payload: source.payload ?? undefined,
      contentType: source.contentType ?? undefined,
      payloadEncoding: source.payloadEncoding === 'base64' ? 'base64' : undefined,
      headers: { ...(isStorableJson(own) && own), ...reasons(source) },
      key: isKeyStorable ? key : undefined,
      metadata: { [COPY_MARK]: source.id },
    }),
    parentJobId: source.id,
    tenantId: source.tenantId ?? undefined,
    correlationId: source.correlationId ?? undefined,
  }
}

/** Whether a job that has failed is itself a message to the place where its dead letters go. */
export function isSentTo(
  job: { readonly protocol: string | null; readonly method: string | null },
  target: PublicationAddress,
): boolean {
  return (
    addressOf(job.protocol ?? '', job.method ?? '') ===
    addressOf(target.protocol, target.publication)
  )
}

function reasons(source: DeadLetterSource): Headers {
  const said: Readonly<Record<string, string | null | undefined>> = {
    'crossdock-dead-reason': source.reason,
    'crossdock-dead-error': source.error,
    'crossdock-subscription': source.subscription,
    'crossdock-handler': source.handler,
    'crossdock-method': source.method,
    'crossdock-job-id': source.id,
    'crossdock-attempts': String(source.attempts),
  }
  const entries = Object.entries(said).flatMap(([name, text]) => {
    const plain = headerText(text ?? '')
    return plain === '' ? [] : [[name, plain] as const]
  })
  return Object.fromEntries(entries)
}

/** Without what no protocol's header takes: line breaks and other control characters. */
function headerText(text: string): string {
  const plain = text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .toWellFormed()
    .trim()
  return plain.length <= MAX_HEADER_CHARACTERS
    ? plain
    : `${plain.slice(0, MAX_HEADER_CHARACTERS).toWellFormed()}…`
}

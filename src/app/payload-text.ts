import type { NewJob } from '../domain/job.ts'

/** Bytes as a row has them: text where they are UTF-8 without NUL, else base64. */
export function payloadText(body: Uint8Array): {
  readonly payload: string
  readonly payloadEncoding: NewJob['payloadEncoding']
} {
  if (!body.includes(0)) {
    try {
      const payload = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
      return { payload, payloadEncoding: undefined }
    } catch {
      // Not UTF-8: kept byte for byte below.
    }
  }
  return { payload: Buffer.from(body).toString('base64'), payloadEncoding: 'base64' }
}

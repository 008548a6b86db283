import type { HttpRequest } from '../../../src/ports/http-host.ts'

/** Why a request is not taken: the only thing about it that its sender is told. */
export type Refusal = 'missing' | 'invalid' | 'expired'

/** What the verification of a request has shown. */
export type Proof =
  | {
      readonly ok: true
      /** Name of the secret that was used; `undefined` where secrets have no names. */
      readonly sender?: string | undefined
      /** The message's id where the signature covers it: then nothing else in the request may say who it is. */
      readonly signedId?: string | undefined
    }
  | { readonly ok: false; readonly refusal: Refusal }

/** Verifies one request by its headers and the bytes of its body. Never throws. */
export type Verify = (request: Pick<HttpRequest, 'rawHeaders' | 'body'>) => Proof

/** What verifies when nothing was configured: everybody may send, and nobody has a name. */
export const ANYBODY: Verify = () => ({ ok: true })

/** A request that is not taken. */
export function refuse(refusal: Refusal): Proof {
  return { ok: false, refusal }
}

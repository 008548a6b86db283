import type { Mechanism } from 'kafkajs'
import { CrossdockError } from '../../../src/domain/errors.ts'

const SEPARATOR = '\u0001'
/** The length, in front of what a broker says. */
const LENGTH_BYTES = 4
/** What the broker found wrong, as it stands in its answer. */
const STATUS = /"status"\s*:\s*"([a-z_]{1,40})"/

/**
 * Signs in with a bearer token. The library's own way takes no look at the answer: a broker that refuses a token says so in
 * words, not by a failure, and waits until we have acknowledged them; the next request then broke the connection off, and
 * all that people were told was "No brokers in the broker pool".
 * Source: RFC 7628, sections 3.1, 3.2.2 and 3.2.3; KIP-255.
 */
export function oauthBearer(token: () => Promise<string>): Mechanism {
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const message = `n,,${SEPARATOR}auth=Bearer ${await token()}${SEPARATOR}${SEPARATOR}`
        const refusal = await saslAuthenticate({ request: saying(message), response: WORDS })
        if (refusal === undefined || refusal === '') return
        // What it answers to this is a failure, which names nothing that is not known yet.
        await saslAuthenticate({ request: saying(SEPARATOR) }).catch(() => undefined)
        const [, status = 'it does not say why'] = STATUS.exec(refusal) ?? []
        throw new CrossdockError(
          'connection_failed',
          `the broker refuses the token (${status}): look at the audience, the issuer, the scope and the end of the token, and at sasl of the connection`,
          { retryable: true },
        )
      },
    }),
  }
}

/** What is sent, its length in front. */
function saying(text: string) {
  return {
    encode: (): Buffer => {
      const bytes = Buffer.from(text)
      const length = Buffer.alloc(LENGTH_BYTES)
      length.writeInt32BE(bytes.length)
      return Buffer.concat([length, bytes])
    },
  }
}

const WORDS = {
  decode: (bytes: Buffer): Buffer => bytes,
  parse: (bytes: Buffer): string => bytes.subarray(LENGTH_BYTES).toString(),
}

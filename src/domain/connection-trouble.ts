import { errorMessage } from './errors.ts'

const AUTHORITY =
  'its certificate is of an authority that is not trusted here: set tls.ca to that authority'
const DEMANDED = 'it demands a client certificate: set tls.cert and tls.key'
const OURS = 'it refuses our certificate: set tls.cert and tls.key to a pair that it takes'
const NO_TLS =
  'what answers there does not speak TLS: look at the port, or use an address without TLS'
const NO_VERSION = 'there is no version of TLS that both sides speak: look at what it offers'
const UNREACHED = 'it cannot be reached: look at host and port, and at firewalls on the way'

/** What codes of Node's sockets, of its TLS and of OpenSSL mean, and what to do. */
const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there: look at host and port, and whether it runs',
  ENOTFOUND: 'there is no such host: look at its name',
  EAI_AGAIN: 'the name of the host could not be looked up: look at the name, and at DNS',
  ETIMEDOUT: UNREACHED,
  EHOSTUNREACH: UNREACHED,
  ENETUNREACH: UNREACHED,
  ECONNRESET: 'it broke the connection off: look at the port, and whether that is one for TLS',
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  CERT_HAS_EXPIRED: 'its certificate has expired: it needs a new one',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: look at the clocks of both sides',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name: address it by that name, or set tls.server_name',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: DEMANDED,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: `it breaks off the handshake. Either ${DEMANDED}; or ${NO_VERSION}`,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    'it does not know the authority of our certificate: set tls.cert and tls.key to a pair that it takes',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: OURS,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'our certificate has expired: set a new tls.cert',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'our certificate was revoked: set a new tls.cert',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: OURS,
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: OURS,
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: OURS,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NO_VERSION,
  ERR_SSL_UNSUPPORTED_PROTOCOL: NO_VERSION,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_HTTP_REQUEST: NO_TLS,
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'tls.key is not the key of tls.cert: set a pair',
}

/**
 * What it means that a connection cannot be made or broke, as words that say what to do, with the error's own words in
 * brackets; those alone where nothing is known about it. For errors of Node's sockets and of its TLS: never a secret.
 */
export function connectionTrouble(error: unknown): string {
  const own = ownWords(error)
  const sentence = SENTENCES[codeOf(error) ?? '']
  return sentence === undefined ? own : `${sentence} (${own})`
}

function ownWords(error: unknown): string {
  // A host with several addresses: one error for each, and no message of its own.
  if (error instanceof AggregateError) {
    return [...new Set(error.errors.map(ownWords))].join('; ')
  }
  // OpenSSL's message has its source file in it, and a line end.
  if (error instanceof Error && 'reason' in error && typeof error.reason === 'string') {
    return error.message.includes('SSL routines') ? `TLS: ${error.reason}` : error.message
  }
  return errorMessage(error)
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

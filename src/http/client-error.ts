import type { Socket } from 'node:net'
import { httpProblem, type HttpProblemCode } from '../ports/http-problem.ts'

/** Answers what is no HTTP request, or not a whole one: there is no request yet to answer by routes. */
export function answerClientError(error: { readonly code?: string }, socket: Socket): void {
  // The client is gone, or an answer is on its way: more bytes would be taken for a part of it.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy()
    return
  }
  const { status, body } = httpProblem(...(PROBLEMS[error.code ?? ''] ?? UNREADABLE))
  const text = JSON.stringify(body)
  socket.end(
    [
      `HTTP/1.1 ${status} ${REASONS[status] ?? 'Bad Request'}`,
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(text)}`,
      'connection: close',
      '',
      text,
    ].join('\r\n'),
  )
}

const REASONS: Readonly<Record<number, string>> = {
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

const PROBLEMS: Readonly<Record<string, readonly [HttpProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers of the request are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request took too long to arrive.'],
}

const UNREADABLE = ['bad_request', 'This is not an HTTP request that can be read.'] as const

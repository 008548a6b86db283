import { z } from 'zod'
import { pathPieces, pathProblem } from './outbound/path-template.ts'
import { HEADER_TEXT } from './option-values.ts'

const DEFAULT_MAX_RESPONSE_BYTES = 2_048
const MAX_RESPONSE_BYTES = 65_536
const BODILESS = ['GET', 'DELETE']

const templateText = z.string().max(20_000).meta({
  expects: 'a text, in which {{ … }} holds a JSONata expression',
  term: 'template',
})

const statusCodes = (from: number, to: number) => z.array(z.int().min(from).max(to)).max(100)

/** What a publication of `integrations.http` says beyond the common keys. */
export const httpPublicationOptions = z
  .strictObject({
    method: z
      .enum(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])
      .prefault('POST')
      .describe('The method of its requests. GET, and DELETE unless it has `body`, send no body.'),
    path: z
      .string()
      .max(20_000)
      .superRefine((path, context) => {
        const problem = pathProblem(path)
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
      })
      .transform(pathPieces)
      .prefault('')
      .meta({ term: 'template' })
      .describe(
        'Template of what follows `base_url`: `/orders/{{ payload.id }}`. Values are percent-encoded, slashes too.',
      ),
    query: z
      .record(z.string().min(1).max(256), templateText)
      .optional()
      .describe(
        'Templates of what follows the "?", by name. Values are encoded; null is left out.',
      ),
    body: z
      .unknown()
      .optional()
      .meta({ term: 'template or JSON' })
      .describe(
        'A template of text, or JSON whose texts are templates, which is sent as JSON. Left out: the payload, byte for byte.',
      ),
    content_type: z
      .string()
      .min(1)
      .max(255)
      .regex(HEADER_TEXT)
      .meta({ expects: 'a media type', term: 'string' })
      .optional()
      .describe(
        "The header `content-type`. Left out: the payload's own; of `body`, `text/plain` for text and `application/json` for JSON.",
      ),
    success: statusCodes(200, 599)
      .min(1)
      .optional()
      .describe('Status codes that confirm a message. Left out: 200 to 299.'),
    retry_on: statusCodes(400, 599)
      .optional()
      .describe(
        'Status codes after which a message is sent again later. Left out: 408, 425, 429, 500, 502, 503, 504 and 520 to 599.',
      ),
    max_response_bytes: z
      .int()
      .min(0)
      .max(MAX_RESPONSE_BYTES)
      .prefault(DEFAULT_MAX_RESPONSE_BYTES)
      .describe('Bytes of an answer that are kept in the history. The rest is dropped.'),
  })
  .superRefine(({ method, body, success, retry_on: retryOn }, context) => {
    const report = (path: string[], message: string): void => {
      context.addIssue({ code: 'custom', path, message })
    }
    if (method === 'GET' && body !== undefined) report(['body'], 'is not for GET; remove it')
    const both = retryOn?.find((status) => success?.includes(status) === true)
    if (both !== undefined) report(['retry_on'], `has ${both}, which success has too; remove one`)
  })

/** Checked options of a publication. */
export type HttpPublicationOptions = z.output<typeof httpPublicationOptions>

/** Whether requests carry a body. */
export function sendsBody({ method, body }: HttpPublicationOptions): boolean {
  return body !== undefined || !BODILESS.includes(method)
}

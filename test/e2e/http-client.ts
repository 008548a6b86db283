import { nextLook } from '../next-look.ts'

/** An answer, its body parsed where it is JSON. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
}

/** Sends one request; rejects when there is no answer. */
export async function send(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(15_000), ...init })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? (JSON.parse(text) as Answer['body']) : {},
  }
}

/** Posts JSON. */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return await send(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** Asks for a job until `done` says so. */
export async function untilJob(
  base: string,
  id: string,
  done: (job: Answer['body']) => boolean,
  limitMs = 20_000,
): Promise<Answer['body']> {
  const from = performance.now()
  const deadline = from + limitMs
  for (;;) {
    const { status, body, text } = await send(`${base}/api/jobs/${id}`)
    if (status === 200 && done(body)) return body
    if (performance.now() > deadline) throw new Error(`job ${id} after ${limitMs} ms: ${text}`)
    await nextLook(from)
  }
}

/** The job once it is completed. */
export async function untilCompleted(base: string, id: string): Promise<Answer['body']> {
  return await untilJob(base, id, (job) => job['status'] === 'completed')
}

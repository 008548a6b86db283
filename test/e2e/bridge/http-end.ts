import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Arrival, type BridgeEnd, inLowerCase, type Kind } from './bridge-end.ts'

/** HTTP: a server of the test that takes what is published; messages are put in at the program's own. */
export async function openHttpEnd(): Promise<BridgeEnd> {
  const arrivals: Arrival[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      arrivals.push({
        kind: (request.url ?? '').slice(1) as Kind,
        body: Buffer.concat(chunks),
        contentType: request.headers['content-type'],
        // Node gives each byte as one character.
        headers: inLowerCase(
          Object.fromEntries(
            Object.entries(request.headers).map(([name, value]) => [
              name,
              Buffer.from(String(value), 'latin1').toString(),
            ]),
          ),
        ),
      })
      response.writeHead(204).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let program = ''
  return {
    protocol: 'http',
    connections: { far: { base_url: `http://127.0.0.1:${port}` } },
    subscription: (intake) => ({ path: `/in/${intake}` }),
    publication: (kind) => ({ connection: 'far', path: `/${kind}` }),
    reachable: (url) => {
      program = url
    },
    put: async ({ intake, body, contentType, headers }) => {
      const answer = await fetch(`${program}/in/${intake}`, {
        method: 'POST',
        headers: {
          ...Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [
              name,
              Buffer.from(value).toString('latin1'),
            ]),
          ),
          'content-type': contentType,
        },
        body: new Uint8Array(body),
      })
      if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`)
    },
    arrivals: async () => arrivals,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { createAccessTokens } from '../../../adapters/signalr/access-tokens.ts'
import { accessTokenOption } from '../../../adapters/signalr/options/access-token.ts'

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

it('does not take its secrets where another server leads it', async () => {
  let asked = 0
  const elsewhere = await listening(
    createServer((_request, response) => {
      asked += 1
      response.end('{"access_token":"t"}')
    }),
  )
  const url = await listening(
    createServer((_request, response) => {
      response.writeHead(307, { location: `${elsewhere}/token` }).end()
    }),
  )
  const option = accessTokenOption.parse({ url, form: { client_secret: 'hush' } })
  const tokens = createAccessTokens(option, () => 0)
  await expect(tokens.forConnection()()).rejects.toMatchObject({ code: 'connection_failed' })
  expect(asked).toBe(0)
})

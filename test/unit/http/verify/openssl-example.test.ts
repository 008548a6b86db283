import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startVerified } from '../started-adapter.ts'

test('the openssl example of the page is let in', async () => {
  const page = await readFile(new URL('../../../../docs/adapters/http.md', import.meta.url), 'utf8')
  const example = /```sh\n(SECRET=(whsec_\S+)\n[^]*?)```/.exec(page)
  const [, script = '', secret = ''] = example ?? []
  const { url, messages } = await startVerified({ type: 'standard-webhooks', secrets: [secret] })
  const here = script.replace('http://127.0.0.1:8080/hooks/crm', url)
  const { stdout } = await promisify(execFile)('sh', ['-c', here])
  expect(stdout).toContain('HTTP/1.1 202')
  expect(messages.map(({ body }) => Buffer.from(body).toString())).toEqual(['{"name":"Ada"}'])
})

import { expect, it } from 'vitest'
import { load, problemsOf } from './load-from.ts'

function withKeys(keys: object): string {
  return JSON.stringify({
    integrations: {
      http: {
        connections: { main: { base_url: 'https://far.example' } },
        publications: { out: keys },
      },
    },
  })
}

it('templates of a publication are refused with the place of the mistake', async () => {
  const problems = await problemsOf(
    withKeys({
      key: '{{ payload.a',
      headers: { h: 'x {{ payload. }}' },
      path: '/{{ $eval("1") }}',
    }),
  )
  expect(problems).toHaveLength(3)
  expect(problems.join('\n')).toMatch(/out\.key'?: is no template: the \{\{ at character 1/)
  expect(problems.join('\n')).toMatch(/out\.headers\.h'?: has no JSONata expression/)
  expect(problems.join('\n')).toMatch(/out\.path'?: .*\$eval is not available/)
})

it('names in templates that are nothing are warned of, with what was meant', async () => {
  const { configuration } = await load(
    withKeys({ key: '{{ tenantid }}', path: '/{{ orderId }}/{{ metadata.a }}' }),
  )
  expect(configuration.warnings).toEqual([
    expect.stringContaining('did you mean tenant_id?'),
    expect.stringContaining('write payload.orderId'),
  ])
})

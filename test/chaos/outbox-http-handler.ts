import { defineHandler } from 'crossdock'
import { z } from 'zod'

/** Writes a row and tells a target of it; copied into the folder of a program's handlers. */
export default defineHandler({
  name: 'place',
  input: z.object({ n: z.number(), key: z.string() }),
  async run({ input: { n, key }, tx, publish }) {
    await tx.sql`insert into effects (n) values (${n})`
    await publish('http:orders', { key, payload: { n } })
  },
})

import { defineHandler } from 'crossdock'
import { z } from 'zod'

/** Greets. */
export default defineHandler({
  name: 'examples.hello',
  input: z.object({ name: z.string().min(1).max(200) }),
  run({ input }) {
    return { greeting: `Hello, ${input.name}` }
  },
})

import { defineHandler } from 'crossdock'
import { z } from 'zod'

/** Greets; where `map.metadata` of the subscription gives a `reply_to`, such as `mqtt:demo-out`, there as well. */
export default defineHandler({
  name: 'examples.hello',
  input: z.object({ name: z.string().min(1).max(200) }),
  async run({ input, job, publish }) {
    const result = { greeting: `Hello, ${input.name}` }
    const { reply_to: replyTo } = job.metadata
    // The greeting goes out when this job has committed, and only then.
    if (typeof replyTo === 'string') await publish(replyTo, { payload: result })
    return result
  },
})

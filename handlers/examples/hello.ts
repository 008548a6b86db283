import { defineHandler, isCrossdockError } from 'crossdock'
import { z } from 'zod'

/** Greets; who is greeted over MQTT hears it on the topic `demo/out`, where that publication is configured. */
export default defineHandler({
  name: 'examples.hello',
  input: z.object({ name: z.string().min(1).max(200) }),
  async run({ input, job, publish }) {
    const greeting = `Hello, ${input.name}`
    if (job.protocol === 'mqtt') {
      // It leaves with the commit of this job, or not at all.
      await publish('mqtt:demo-out', { payload: { greeting } }).catch((error: unknown) => {
        if (!isCrossdockError(error, 'publication_unknown')) throw error
      })
    }
    return { greeting }
  },
})

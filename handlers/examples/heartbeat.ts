import { defineHandler } from 'crossdock'

/** Says that it ran, and when: what the schedule of the default configuration runs every minute. */
export default defineHandler({
  name: 'examples.heartbeat',
  run({ log }) {
    log.debug({}, 'the heart beats')
    return { beat_at: new Date().toISOString() }
  },
})

import { z } from 'zod'
import { ANYTHING, type Announcement } from '../../ports/wake-ups.ts'

/** What an instance announces. */
const announcement = z.object({
  from: z.string(),
  queues: z.array(z.string()).nullable(),
  schedules: z.boolean(),
  pauses: z.boolean().optional(),
})

/** What the triggers announce: another program changed jobs, or schedules. */
const BY_TRIGGER: Readonly<Record<string, Announcement>> = {
  jobs: { queues: null, schedules: false },
  schedules: { queues: [], schedules: true },
}

/** What a notification says; of what cannot be read it says that anything may have changed. */
export function readAnnouncement(payload: string): Announcement & { readonly from?: string } {
  try {
    return BY_TRIGGER[payload] ?? announcement.parse(JSON.parse(payload))
  } catch {
    return ANYTHING
  }
}

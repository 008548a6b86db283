import { HUNG_EXIT_CODE } from '../ports/lease-keeper.ts'

/** What a command ends with. */
export const EXIT = {
  ok: 0,
  /** It was understood, and did not work. */
  failure: 1,
  /** It was not understood. */
  usage: 2,
  /** Its main thread hung, and a thread of ours ended it. */
  hung: HUNG_EXIT_CODE,
  /** A second Ctrl-C. */
  interrupted: 130,
} as const

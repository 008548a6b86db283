/** What a command ends with. */
export const EXIT = {
  ok: 0,
  /** It was understood, and did not work. */
  failure: 1,
  /** It was not understood. */
  usage: 2,
  /** A second Ctrl-C. */
  interrupted: 130,
} as const

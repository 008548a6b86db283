/** Commands that are named in the contract and not in this version. */
export const UNAVAILABLE_COMMANDS: readonly string[] = [
  'init',
  'list',
  'make:handler',
  'make:job',
  'jobs',
  'keys',
  'send',
  'doctor',
]

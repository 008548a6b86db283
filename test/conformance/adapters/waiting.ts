import { nextLook } from '../../next-look.ts'

/** Of a case, and of opening and closing what it needs. Thousands of one line run one at a time in the long form. */
export const LIMIT_MS = process.env['CROSSDOCK_TEST_LONG'] === '1' ? 240_000 : 60_000

/** Resolves when this holds. @throws Error when it does not within half of {@link LIMIT_MS} */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const from = performance.now()
  const deadline = from + LIMIT_MS / 2
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await nextLook(from)
  }
}

/** Long enough for what must not happen. */
export const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 700))

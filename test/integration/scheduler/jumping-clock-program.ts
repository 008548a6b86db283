// Loaded before a program: the clock of its host is ten years ahead, then ten years behind, and so on.

const RealDate = Date
const JUMP_MS = 315_360_000_000
const EACH_MS = 150
const began = performance.now()

/** How far the host is off. */
function offset(): number {
  return Math.floor((performance.now() - began) / EACH_MS) % 2 === 0 ? JUMP_MS : -JUMP_MS
}

class JumpingDate extends RealDate {
  constructor(...given: readonly [] | ConstructorParameters<typeof RealDate>) {
    if (given.length === 0) super(JumpingDate.now())
    else super(...(given as [number]))
  }

  static override now(): number {
    return RealDate.now() + offset()
  }
}

globalThis.Date = JumpingDate as DateConstructor

// So that whoever started it can see that it does.
setInterval(() => {
  process.stderr.write(`{"time":"${new Date().toISOString()}"}\n`)
}, EACH_MS).unref()

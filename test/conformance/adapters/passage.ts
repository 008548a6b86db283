import { connect, createServer, type Socket } from 'node:net'

/** A way between the program and the far side, which can hold back one direction. */
export interface Passage {
  readonly port: number
  /** Passes nothing on any more that the program sends, or what `passes` says, until the connections are cut. */
  hold(): void
  /** Breaks every connection. */
  cut(): void
  close(): Promise<void>
}

/** What {@link openPassage} is told. */
export interface PassageOptions {
  /** Where it leads; asked at each connection. */
  readonly to: () => { readonly host: string; readonly port: number }
  /** On which side the program is: what it sends is watched, and held back when asked. */
  readonly program: 'caller' | 'called'
  /** Looks at what the program sends: each connection has a watcher of its own. */
  readonly watch?: () => (bytes: Buffer) => void
  /** What of the program's bytes goes on, at each connection. Left out: all of them, and none while they are held back. */
  readonly passes?: () => (bytes: Buffer, isHeld: boolean) => Buffer
  /** The same as `watch` for what the other side sends. */
  readonly watchOther?: () => (bytes: Buffer) => void
  /** Changes what the other side sends, such as the address at which it wants to be called. */
  readonly changeOther?: (bytes: Buffer) => Buffer
}

const NOTHING = Buffer.alloc(0)

/** Opens a passage on a free port. */
export async function openPassage({
  to,
  program,
  watch,
  passes = () => (bytes, held) => (held ? NOTHING : bytes),
  watchOther,
  changeOther = (bytes) => bytes,
}: PassageOptions): Promise<Passage> {
  const pairs = new Set<{ readonly program: Socket; readonly other: Socket }>()
  let isHeld = false
  const server = createServer((caller) => {
    const { host, port } = to()
    const called = connect(port, host)
    const pair =
      program === 'caller' ? { program: caller, other: called } : { program: called, other: caller }
    pairs.add(pair)
    const see = watch?.()
    const passing = passes()
    pair.program.on('data', (bytes: Buffer) => {
      const passed = passing(bytes, isHeld)
      if (passed.length === 0) return
      see?.(passed)
      pair.other.write(passed)
    })
    const seeOther = watchOther?.()
    pair.other.on('data', (bytes: Buffer) => {
      seeOther?.(bytes)
      // A program that reads no more is felt on the other side.
      if (!pair.program.write(changeOther(bytes))) pair.other.pause()
    })
    pair.program.on('drain', () => {
      pair.other.resume()
    })
    for (const [one, two] of [
      [caller, called],
      [called, caller],
    ] as const) {
      one.setNoDelay(true)
      one.on('error', () => undefined)
      one.on('end', () => two.end())
      one.on('close', () => {
        two.destroy()
        pairs.delete(pair)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    isHeld = false
    for (const { program: one, other } of pairs) {
      one.destroy()
      other.destroy()
    }
  }
  return {
    port: (server.address() as { readonly port: number }).port,
    hold: () => {
      isHeld = true
    },
    cut,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      cut()
      await closed
    },
  }
}

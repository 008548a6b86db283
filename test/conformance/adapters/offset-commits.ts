/** OffsetCommit. Source: Apache Kafka, protocol guide. */
const OFFSET_COMMIT = 8

/** The offset that a group commits for a partition: everything before it is done. */
export type FoundCommit = (partition: string, offset: number) => void

/** The length of a request, in front of it. */
const LENGTH_BYTES = 4

/** Finds the commits in what a client sends to a broker, in versions 2 to 5. */
export function commitWatch(found: FoundCommit): (bytes: Buffer) => void {
  const split = requests()
  return (bytes) => {
    for (const request of split(bytes)) {
      if (isCommit(request)) readCommits(request.subarray(LENGTH_BYTES), found)
    }
  }
}

/** Lets everything through that a client sends to a broker, and no commits while they are held back. */
export function commitHold(): (bytes: Buffer, isHeld: boolean) => Buffer {
  const split = requests()
  return (bytes, isHeld) =>
    Buffer.concat(split(bytes).filter((request) => !isHeld || !isCommit(request)))
}

/** Whole requests, each with its length, out of the pieces in which they come. */
function requests(): (bytes: Buffer) => readonly Buffer[] {
  let pending = Buffer.alloc(0)
  return (bytes) => {
    pending = Buffer.concat([pending, bytes])
    const whole: Buffer[] = []
    while (pending.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + pending.readInt32BE(0)
      if (pending.length < end) break
      whole.push(pending.subarray(0, end))
      pending = pending.subarray(end)
    }
    return whole
  }
}

function isCommit(request: Buffer): boolean {
  return request.readInt16BE(LENGTH_BYTES) === OFFSET_COMMIT
}

function readCommits(request: Buffer, found: FoundCommit): void {
  const version = request.readInt16BE(2)
  // Behind the kind, its version and the number of the request.
  let at = 8
  const skip = (bytes: number): void => {
    at += bytes
  }
  const text = (): string => {
    const length = Math.max(0, request.readInt16BE(at))
    const value = request.toString('utf8', at + 2, at + 2 + length)
    skip(2 + length)
    return value
  }
  const number = (): number => {
    const value = request.readInt32BE(at)
    skip(4)
    return value
  }
  text() // Client id.
  const group = text()
  number() // Generation.
  text() // Member.
  if (version <= 4) skip(8) // Retention.
  for (let topics = number(); topics > 0; topics -= 1) {
    const topic = text()
    for (let partitions = number(); partitions > 0; partitions -= 1) {
      const partition = number()
      const offset = Number(request.readBigInt64BE(at))
      skip(8)
      text() // Metadata.
      found(`${group} ${topic}/${partition}`, offset)
    }
  }
}

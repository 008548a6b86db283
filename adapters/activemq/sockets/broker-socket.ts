import type { IStompSocket } from '@stomp/stompjs'
import { CrossdockError } from '../../../src/domain/errors.ts'

/** What the library writes to and is told from, and what it does not ask for. */
export interface BrokerSocket extends IStompSocket {
  terminate(): void
  /** Reads no more, so that the broker cannot send more than the line holds. */
  pause(): void
  resume(): void
}

/** What a socket tells beside what the library hears. */
export interface SocketListener {
  /** Something came, of whatever kind. */
  readonly heard: () => void
  readonly failed: (error: unknown) => void
}

/** A frame as the library gives it, for a socket to write. @throws CrossdockError `usage`, for what it never gives */
export function frameBytes(data: Parameters<BrokerSocket['send']>[0]): string | Uint8Array {
  if (typeof data === 'string') return data
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  throw new CrossdockError('usage', 'a frame is neither text nor bytes')
}

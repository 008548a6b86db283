/** A frame of the broker, its headers as they were meant. */
export interface ReceivedFrame {
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

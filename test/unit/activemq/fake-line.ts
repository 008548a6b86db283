import type { ReceivedFrame } from '../../../adapters/activemq/received-frame.ts'
import type { StompLine } from '../../../adapters/activemq/stomp-line.ts'

/** A line that writes down what is done with it. */
export interface FakeLine extends StompLine {
  readonly done: string[]
  readonly receipts: Map<string, () => void>
  open: boolean
}

/** Makes a line with a name. */
export function fakeLine(name = 'line'): FakeLine {
  const done: string[] = []
  const line: FakeLine = {
    done,
    receipts: new Map(),
    open: true,
    server: 'a broker',
    takesBytes: true,
    isOpen: () => line.open,
    send: ({ destination = '', receipt = '' }) => done.push(`send ${destination} ${receipt}`),
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    acknowledge: (messageId) => done.push(`${name} ack ${messageId}`),
    awaitReceipt: (id, answered) => line.receipts.set(id, answered),
    pause: () => done.push(`${name} pause`),
    resume: () => done.push(`${name} resume`),
    cut: (reason) => {
      line.open = false
      done.push(`${name} cut: ${reason}`)
    },
    close: async () => undefined,
  }
  return line
}

/** A frame with these headers. */
export function frame(headers: Readonly<Record<string, string>>, body = ''): ReceivedFrame {
  return { headers: new Map(Object.entries(headers)), body: Buffer.from(body) }
}

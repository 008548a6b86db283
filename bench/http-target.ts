import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

// A target in a process of its own, so that what it costs is nobody's: it takes every message, and tells its parent its port,
// the time of the first message, and when a number of them that the parent asks for has come.
let count = 0
let wanted = Infinity
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200).end()
    count += 1
    if (count === 1) process.send?.({ first: Date.now() })
    if (count === wanted) process.send?.({ all: true })
  })
})
process.on('message', (next: number) => {
  count = 0
  wanted = next
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})

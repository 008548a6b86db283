/** What we use of packages and files that come without types. */
declare module 'lz4js' {
  const lz4js: {
    compress(source: Uint8Array): Uint8Array
    decompress(source: Uint8Array): Uint8Array
  }
  export default lz4js
}

declare module 'snappyjs' {
  const snappyjs: {
    compress(source: Uint8Array): Uint8Array
    uncompress(source: Uint8Array): Uint8Array
  }
  export default snappyjs
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  interface Queue {
    throttledUntil: number
    readonly pending: readonly unknown[]
    scheduleCheckPendingRequests: (this: Queue) => void
  }
  const RequestQueue: { readonly prototype: Queue }
  export default RequestQueue
}

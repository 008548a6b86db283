/** What the text of a key begins with whose bytes are no text. */
const BYTES = 'base64:'

/**
 * The key of a record as the text that stands in `metadata.key`; `undefined`: it has none. Bytes that are no text, or
 * that no column takes, are `base64:…`, and so is a text that looks like those: {@link keyBytes} gives exactly these bytes
 * again, for every key.
 */
export function keyText(key: Buffer | null): string | undefined {
  if (key === null) return undefined
  const text = asText(key)
  return text === undefined || bytesIn(text) !== undefined
    ? `${BYTES}${key.toString('base64')}`
    : text
}

/** The bytes of a key whose text is in `metadata.key`; `null`: a record without a key. */
export function keyBytes(text: string | undefined): Buffer | null {
  if (text === undefined) return null
  return bytesIn(text) ?? Buffer.from(text)
}

function asText(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Of base64 in the one form that it is written in; anything else is a text like others. */
function bytesIn(text: string): Buffer | undefined {
  if (!text.startsWith(BYTES)) return undefined
  const encoded = text.slice(BYTES.length)
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.toString('base64') === encoded ? bytes : undefined
}

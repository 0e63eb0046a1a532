import { ModelNotFoundError, WeightsError } from '../../errors.js'

/**
 * Bytes of a file on the hub, the last one not included. Of a server that knows no ranges no more than that is read.
 * @throws ModelNotFoundError where the hub refuses; WeightsError where the file is shorter.
 */
export async function readRange(
  address: string,
  start: number,
  end: number,
  { token, signal }: { readonly token?: string; readonly signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const response = await fetch(address, {
    headers: {
      'accept-encoding': 'identity',
      range: `bytes=${start}-${end - 1}`,
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(signal ? { signal } : {}),
  })
  if (!response.ok || !response.body) {
    await response.body?.cancel()
    throw new ModelNotFoundError(`${address} answered ${response.status} ${response.statusText}`)
  }
  const from = response.status === 206 ? start : 0
  const bytes = new Uint8Array(end - start)
  let position = from
  // Leaving the loop ends the connection.
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    const wanted = chunk.subarray(Math.max(0, start - position), Math.max(0, end - position))
    bytes.set(wanted, Math.max(0, position - start))
    position += chunk.byteLength
    if (position >= end) return bytes
  }
  throw new WeightsError(`${address}: expected ${end - start} bytes from ${start} on, the file ends at ${position}`)
}

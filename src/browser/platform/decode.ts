import { ImageError } from '../../errors.js'
import type { ImageSource } from '../../image/decode.js'
import { MAX_DOWNLOAD_BYTES, MAX_PIXELS } from '../../image/limits.js'
import { isRaw, layOnWhite, type RawImage } from '../../image/rawImage.js'
import type { RgbPicture } from '../../image/resize.js'

/**
 * What stands for src/image/decode.ts in the browser's bundle: the browser's own decoder. Upright, as RGB on white; of
 * an animation the first frame.
 *
 * @throws ImageError when it cannot be read or decoded, or is too large; AbortError when `signal` fires.
 */
export async function decodeImage(source: ImageSource, signal?: AbortSignal): Promise<RgbPicture> {
  signal?.throwIfAborted()
  if (isRaw(source)) return layOnWhite(source)
  const bitmap = await decode(await blobOf(source, signal), nameOf(source))
  try {
    return onWhite(bitmap)
  } finally {
    bitmap.close()
  }
}

async function blobOf(source: Exclude<ImageSource, RawImage>, signal?: AbortSignal): Promise<Blob> {
  if (source instanceof Blob) return source
  if (source instanceof Uint8Array) return new Blob([source as Uint8Array<ArrayBuffer>])
  if (typeof source === 'string' || source instanceof URL) return download(String(source), signal)
  throw new ImageError('expected a picture as an address, Blob, bytes or raw pixels { data, width, height, channels }')
}

async function download(address: string, signal?: AbortSignal): Promise<Blob> {
  const response = await fetch(address, signal ? { signal } : {}).catch((cause: unknown) => {
    if (signal?.aborted) throw signal.reason
    throw new ImageError(
      `cannot fetch ${address}: ${String(cause)}. Another site's picture needs its permission (CORS)`,
      { cause },
    )
  })
  if (!response.ok) throw new ImageError(`${address} answered ${response.status} ${response.statusText}`)
  const blob = await response.blob()
  if (blob.size > MAX_DOWNLOAD_BYTES)
    throw new ImageError(`${address} is larger than ${MAX_DOWNLOAD_BYTES / 2 ** 20} MB; scale it down first`)
  return blob
}

async function decode(blob: Blob, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob, { imageOrientation: 'from-image' })
  } catch (cause) {
    throw new ImageError(
      `cannot decode ${name}: ${String(cause)}. Expected JPEG, PNG, WebP, GIF, AVIF or another format of this browser`,
      { cause },
    )
  }
}

function onWhite(bitmap: ImageBitmap): RgbPicture {
  const { width, height } = bitmap
  if (width * height > MAX_PIXELS)
    throw new ImageError(
      `a picture of ${width} x ${height} has more than ${MAX_PIXELS / 1e6} million pixels; scale it down first`,
    )
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new ImageError(`this browser has no canvas of ${width} x ${height}; scale the picture down first`)
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, width, height)
  context.drawImage(bitmap, 0, 0)
  const { data } = context.getImageData(0, 0, width, height)
  return layOnWhite({ data, width, height, channels: 4 })
}

function nameOf(source: Exclude<ImageSource, RawImage>): string {
  if (source instanceof Blob) return `a picture of ${source.size} bytes`
  return source instanceof Uint8Array ? `a picture of ${source.length} bytes` : String(source)
}

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { ImageError } from '../errors.js'
import { MAX_DOWNLOAD_BYTES, MAX_PIXELS } from './limits.js'
import { isRaw, layOnWhite, type RawImage } from './rawImage.js'
import type { RgbPicture } from './resize.js'

export type { RawImage } from './rawImage.js'

/** A picture: a path, an address (file:, http:, https:), the bytes of an encoded file, a Blob, or raw pixels. */
export type ImageSource = string | URL | Uint8Array | Blob | RawImage

/**
 * Opens a picture upright, as RGB on white: EXIF orientation is applied, transparency laid on white, grey and CMYK
 * turned into sRGB, and of an animation the first frame taken.
 *
 * @throws ImageError when it cannot be read or decoded, or is too large; AbortError when `signal` fires.
 */
export async function decodeImage(source: ImageSource, signal?: AbortSignal): Promise<RgbPicture> {
  signal?.throwIfAborted()
  if (isRaw(source)) return layOnWhite(source)
  return decodeFile(await readBytes(source, signal), nameOf(source))
}

async function readBytes(source: Exclude<ImageSource, RawImage>, signal?: AbortSignal): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer())
  const url = addressOf(source)
  if (url === undefined) return readLocal(source as string)
  if (url.protocol === 'file:') return readLocal(pathOf(url))
  if (url.protocol === 'http:' || url.protocol === 'https:') return download(url, signal)
  throw new ImageError(`${url.protocol} addresses are not supported; expected file:, http: or https:`)
}

/** The address, where the source is one and not a path. */
function addressOf(source: string | URL): URL | undefined {
  if (source instanceof URL) return source
  if (typeof source !== 'string')
    throw new ImageError(
      'expected a picture as a path, URL, Buffer, Blob or raw pixels { data, width, height, channels }',
    )
  if (!/^(https?|file):\/\//.test(source)) return undefined
  try {
    return new URL(source)
  } catch (cause) {
    throw new ImageError(`${source} is no address; expected such as https://host/picture.jpg`, { cause })
  }
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new ImageError(`${url.href} names no file of this machine: ${messageOf(cause)}`, { cause })
  }
}

async function readLocal(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new ImageError(`cannot read the picture ${path}: ${messageOf(cause)}`, { cause })
  }
}

async function download(url: URL, signal?: AbortSignal): Promise<Uint8Array> {
  const tooLarge = () =>
    new ImageError(`${url.href} is larger than ${MAX_DOWNLOAD_BYTES / 2 ** 20} MB; download it and give the path`)
  try {
    const response = await fetch(url, signal ? { signal } : {})
    if (!response.ok || !response.body)
      throw new ImageError(`${url.href} answered ${response.status} ${response.statusText}`)
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > MAX_DOWNLOAD_BYTES) throw tooLarge()
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch (cause) {
    if (cause instanceof ImageError || signal?.aborted) throw cause
    throw new ImageError(`cannot download ${url.href}: ${messageOf(cause)}`, { cause })
  }
}

async function decodeFile(bytes: Uint8Array, name: string): Promise<RgbPicture> {
  const { default: sharp } = await import('sharp')
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, pages: 1 })
      .autoOrient()
      .toColourspace('srgb')
      .flatten({ background: '#ffffff' })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    if (info.channels === 3) return { rgb: data, width: info.width, height: info.height }
    // A grey picture may stay one channel through the colour space.
    return layOnWhite({ data, width: info.width, height: info.height, channels: info.channels as 1 | 2 | 4 })
  } catch (cause) {
    if (/pixel limit/i.test(messageOf(cause)))
      throw new ImageError(`${name} has more than ${MAX_PIXELS / 1e6} million pixels; scale it down first`, { cause })
    throw new ImageError(
      `cannot decode ${name}: ${messageOf(cause)}. Expected JPEG, PNG, WebP, GIF, AVIF, TIFF or SVG`,
      { cause },
    )
  }
}

function nameOf(source: Exclude<ImageSource, RawImage>): string {
  if (typeof source === 'string') return source
  return source instanceof URL ? source.href : `a picture of ${sizeOf(source)} bytes`
}

const sizeOf = (source: Uint8Array | Blob): number => (source instanceof Blob ? source.size : source.length)

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

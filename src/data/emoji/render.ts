import { createHash } from 'node:crypto'
import type { Sharp } from 'sharp'
import { DataError } from '../../errors.js'
import type { EmojiDrawing } from './join.js'

/** Side of a stored picture in pixels: enough for random crops at 64. */
export const PICTURE_SIZE = 80
/** Bytes of one stored picture: RGBA, rows from the top, straight (not premultiplied) alpha. */
export const PICTURE_BYTES = PICTURE_SIZE * PICTURE_SIZE * 4

/** One picture of a vendor. Concepts drawn with the very same pixels share it. */
export interface RenderedPicture {
  hexcodes: string[]
  /** SHA-256 of the pixels, hexadecimal. */
  hash: string
  rgba: Buffer
}

export interface RenderOptions {
  /** Called after each drawing with the number done. */
  onDrawing?: (done: number, total: number) => void
  signal?: AbortSignal
}

/** Drawings in work at a time: sharp has its own threads, and more only hold memory. */
const CONCURRENCY = 2

/**
 * Renders drawings at 80 x 80 with a transparent ground, content scaled to fit and centred, and merges the drawings of
 * one vendor whose pixels are identical. Pictures come in the order of their first drawing.
 *
 * @throws DataError naming the drawing that cannot be rendered; AbortError when `signal` fires.
 */
export async function renderDrawings(
  drawings: readonly EmojiDrawing[],
  options: RenderOptions = {},
): Promise<RenderedPicture[]> {
  const { default: sharp } = await import('sharp')
  const pixels = new Array<Buffer>(drawings.length)
  let next = 0
  let done = 0
  const work = async () => {
    while (next < drawings.length) {
      options.signal?.throwIfAborted()
      const at = next++
      pixels[at] = await renderDrawing(sharp, drawings[at]!)
      options.onDrawing?.(++done, drawings.length)
    }
  }
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, work))
  } finally {
    // After a failure the other worker has nothing left to start.
    next = drawings.length
  }
  return mergeIdentical(drawings, pixels)
}

async function renderDrawing(sharp: (input: string | Buffer) => Sharp, drawing: EmojiDrawing): Promise<Buffer> {
  try {
    const rgba = await sharp(drawing.source(PICTURE_SIZE))
      // Pads with transparency; a later flatten() would not reach the padding (it runs before it).
      .resize(PICTURE_SIZE, PICTURE_SIZE, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
      .ensureAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer()
    return clearTransparent(rgba)
  } catch (cause) {
    throw new DataError(`Cannot render the drawing "${drawing.name}" (${drawing.hexcode})`, { cause })
  }
}

/** Pixels that cannot be seen get one value, so that equal pictures are equal bytes. */
function clearTransparent(rgba: Buffer): Buffer {
  for (let i = 0; i < rgba.length; i += 4) {
    if (rgba[i + 3] === 0) rgba.fill(0, i, i + 3)
  }
  return rgba
}

function mergeIdentical(drawings: readonly EmojiDrawing[], pixels: readonly Buffer[]): RenderedPicture[] {
  const pictures = new Map<string, RenderedPicture>()
  drawings.forEach(({ hexcode }, i) => {
    const rgba = pixels[i]!
    const hash = createHash('sha256').update(rgba).digest('hex')
    const known = pictures.get(hash)
    if (known === undefined) pictures.set(hash, { hexcodes: [hexcode], hash, rgba })
    else known.hexcodes.push(hexcode)
  })
  return [...pictures.values()]
}

import { ConfigError } from '../errors.js'
import { contactSheet } from '../image/contactSheet.js'
import { decodeImage, type ImageSource } from '../image/decode.js'
import type { RgbPicture } from '../image/resize.js'
import { meanMap, queryMaps } from './attentionMaps.js'
import type { PictureAttention } from './attentionReader.js'
import { HEAT_OPACITY, heatColor, stretched } from './heat.js'

export interface AttentionDrawingOptions {
  /** One query by number, their mean (default), or a sheet of them all. */
  readonly query?: number | 'mean' | 'all'
  /** Layer of the Q-Former; default the last one with cross-attention. */
  readonly layer?: number
  readonly signal?: AbortSignal
}

/** A larger picture is drawn smaller: the map has few patches anyway. */
const LARGEST_SIDE = 1024
/** Side of a picture on the sheet. */
const TILE = 160

/**
 * Draws attention over its picture, which is made grey, as a PNG. Each map goes from its own lowest value to its own
 * highest.
 *
 * @throws ConfigError for a query or layer that is not there; ImageError for a picture that cannot be read.
 */
export async function drawAttention(
  source: ImageSource,
  attention: PictureAttention,
  { query = 'mean', layer, signal }: AttentionDrawingOptions = {},
): Promise<Buffer> {
  const { default: sharp } = await import('sharp')
  const maps = queryMaps(attention, layer)
  const picture = await decodeImage(source, signal)
  if (query === 'all') {
    const small = await resize(picture, TILE, TILE)
    const cells = await Promise.all(
      maps.map(async (map, i) => ({
        rgba: withAlpha(await overlay(small, map, attention)),
        size: TILE,
        label: `query ${i}`,
      })),
    )
    return contactSheet(cells, { columns: Math.ceil(Math.sqrt(cells.length)), labelLines: 1 })
  }
  const map = query === 'mean' ? meanMap(maps) : maps[query]
  if (!map) throw new ConfigError(`there is no query ${query}; they are numbered 0 to ${maps.length - 1}`)
  const scale = Math.min(1, LARGEST_SIDE / Math.max(picture.width, picture.height))
  const size = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)))
  const [width, height] = size as [number, number]
  const drawn = await overlay(await resize(picture, width, height), map, attention)
  return sharp(drawn.rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}

async function resize({ rgb, width, height }: RgbPicture, toWidth: number, toHeight: number): Promise<RgbPicture> {
  const { default: sharp } = await import('sharp')
  const pixels = sharp(rgb, { raw: { width, height, channels: 3 } }).resize(toWidth, toHeight, { fit: 'fill' })
  return { rgb: await pixels.raw().toBuffer(), width: toWidth, height: toHeight }
}

async function overlay(
  { rgb, width, height }: RgbPicture,
  map: Float32Array,
  { rows, columns }: PictureAttention,
): Promise<RgbPicture> {
  const heat = await enlarged(stretched(map), rows, columns, width, height)
  const drawn = new Uint8Array(rgb.length)
  for (let i = 0; i < heat.length; i++) {
    const value = heat[i]! / 255
    const color = heatColor(value)
    const grey = 0.299 * rgb[i * 3]! + 0.587 * rgb[i * 3 + 1]! + 0.114 * rgb[i * 3 + 2]!
    for (let c = 0; c < 3; c++) drawn[i * 3 + c] = Math.round(grey + (color[c]! - grey) * HEAT_OPACITY * value)
  }
  return { rgb: drawn, width, height }
}

/** The map, whose values go from 0 to 1, as bytes in the picture's size. */
async function enlarged(map: Float32Array, rows: number, columns: number, width: number, height: number) {
  const { default: sharp } = await import('sharp')
  const bytes = Uint8Array.from(map, (value) => Math.round(255 * value))
  return sharp(bytes, { raw: { width: columns, height: rows, channels: 1 } })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .extractChannel(0)
    .raw()
    .toBuffer()
}

function withAlpha({ rgb, width, height }: RgbPicture): Uint8Array {
  const rgba = new Uint8Array(width * height * 4).fill(255)
  for (let i = 0; i < width * height; i++) rgba.set(rgb.subarray(i * 3, i * 3 + 3), i * 4)
  return rgba
}

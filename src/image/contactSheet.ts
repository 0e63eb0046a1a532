import { ImageError } from '../errors.js'

/** One picture of a contact sheet and the text under it. */
export interface ContactSheetCell {
  /** RGBA, straight alpha, `size * size * 4` bytes. */
  rgba: Uint8Array
  size: number
  label: string
}

export interface ContactSheetOptions {
  /** Pictures in a row; default 12. */
  columns?: number
  /** Lines of label under each picture; a longer label is cut with an ellipsis. Default 2. */
  labelLines?: number
}

const MARGIN = 8
const LINE_HEIGHT = 11
const FONT_SIZE = 10
/** Mean width of a character of a 10-pixel sans-serif font, on the wide side. */
const CHARACTER_WIDTH = 5.3

/**
 * Draws square pictures of one size in rows on white, each with its label, as a PNG.
 *
 * @throws ImageError when there are no pictures or their sizes differ.
 */
export async function contactSheet(
  cells: readonly ContactSheetCell[],
  options: ContactSheetOptions = {},
): Promise<Buffer> {
  const { columns = 12, labelLines = 2 } = options
  const size = cells[0]?.size
  if (size === undefined) throw new ImageError('A contact sheet needs at least one picture, got none')
  const cellWidth = size + MARGIN
  const cellHeight = size + labelLines * LINE_HEIGHT + MARGIN
  const width = Math.min(columns, cells.length) * cellWidth + MARGIN
  const height = Math.ceil(cells.length / columns) * cellHeight + MARGIN

  const canvas = new Uint8Array(width * height * 3).fill(255)
  const texts: string[] = []
  cells.forEach((cell, i) => {
    const left = MARGIN + (i % columns) * cellWidth
    const top = MARGIN + Math.floor(i / columns) * cellHeight
    if (cell.size !== size || cell.rgba.length !== size * size * 4) {
      throw new ImageError(`Picture ${i} ("${cell.label}") is not ${size} x ${size} RGBA like the first one`)
    }
    paint(canvas, width, cell, left, top)
    wrapLabel(cell.label, Math.floor(cellWidth / CHARACTER_WIDTH), labelLines).forEach((line, row) => {
      texts.push(`<text x="${left + size / 2}" y="${top + size + (row + 1) * LINE_HEIGHT}">${escapeXml(line)}</text>`)
    })
  })
  const overlay =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" ` +
    `font-size="${FONT_SIZE}" text-anchor="middle" fill="#222">${texts.join('')}</svg>`

  const { default: sharp } = await import('sharp')
  return sharp(canvas, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(overlay), left: 0, top: 0 }])
    .png({ compressionLevel: 9 })
    .toBuffer()
}

/** Blends a picture over the canvas (RGB). */
function paint(canvas: Uint8Array, width: number, cell: ContactSheetCell, left: number, top: number) {
  for (let y = 0; y < cell.size; y++) {
    for (let x = 0; x < cell.size; x++) {
      const from = (y * cell.size + x) * 4
      const to = ((top + y) * width + left + x) * 3
      const alpha = cell.rgba[from + 3]! / 255
      for (let c = 0; c < 3; c++)
        canvas[to + c] = Math.round(canvas[to + c]! * (1 - alpha) + cell.rgba[from + c]! * alpha)
    }
  }
}

function wrapLabel(label: string, characters: number, maxLines: number): string[] {
  const lines: string[] = []
  for (const word of label.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= characters) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  const kept = lines.slice(0, maxLines)
  if (lines.length > maxLines && kept.length > 0) kept[maxLines - 1] = `${kept[maxLines - 1]}…`
  return kept.map((line) => (line.length > characters ? `${line.slice(0, characters - 1)}…` : line))
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

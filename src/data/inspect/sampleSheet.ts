import { contactSheet, type ContactSheetCell } from '../../image/contactSheet.js'
import type { RgbPicture } from '../../image/resize.js'
import { Random } from '../../train/random/random.js'

/** Side of a picture on the sheet. */
const SIDE = 96
const PICTURES = 48
const COLUMNS = 8
const LABEL_LINES = 3

/** Pictures drawn from a stream whose length is not known, each as likely, for a contact sheet. */
export class SampleSheet {
  readonly #random: Random
  readonly #cells: ContactSheetCell[] = []
  #seen = 0

  constructor(seed: number) {
    this.#random = new Random(seed, 'contact sheet')
  }

  async offer(picture: RgbPicture, label: string): Promise<void> {
    // Reservoir sampling: the n-th one comes in with probability PICTURES / n and takes the place of any other.
    const place = this.#seen < PICTURES ? this.#seen : this.#random.integer(this.#seen + 1)
    this.#seen++
    if (place >= PICTURES) return
    this.#cells[place] = { rgba: await small(picture), size: SIDE, label }
  }

  /** A PNG. @throws ImageError where there was no picture. */
  draw(): Promise<Buffer> {
    return contactSheet(this.#cells, { columns: COLUMNS, labelLines: LABEL_LINES })
  }
}

async function small({ rgb, width, height }: RgbPicture): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp')
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .resize(SIDE, SIDE, { fit: 'contain', background: '#ffffff' })
    .ensureAlpha()
    .raw()
    .toBuffer()
}

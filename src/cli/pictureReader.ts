import { DataError, ImageError } from '../errors.js'
import { decodeImage, type RawImage } from '../image/decode.js'
import type { Blip2 } from '../tasks/blip2.js'
import type { EncodedImage } from '../tasks/imageEncoder.js'
import type { Io } from './io.js'
import { progressLine } from './progress.js'

export interface ReadPicture {
  readonly file: string
  readonly image: EncodedImage
}

/** Pictures decoded and encoded at a time. */
const CHUNK = 32

/** Reads pictures for a command. One that cannot be read is reported and left out: it must not stop the others. */
export class PictureReader {
  readonly #model: Blip2
  readonly #io: Io
  #failed = 0
  #total = 0

  constructor(model: Blip2, io: Io) {
    this.#model = model
    this.#io = io
  }

  /** The pictures that can be read, in their order, some at a time. A file alone that cannot be read is an ImageError. */
  async *read(files: readonly string[]): AsyncGenerator<readonly ReadPicture[]> {
    this.#total += files.length
    const progress = progressLine(this.#io)
    for (let start = 0; start < files.length; start += CHUNK) {
      const decoded: { file: string; image: RawImage }[] = []
      for (const file of files.slice(start, start + CHUNK)) {
        const image = await this.#decode(file, files.length === 1, progress.clear)
        if (image) decoded.push({ file, image })
      }
      const signal = { signal: this.#io.signal }
      const encoded = await this.#model.encode(
        decoded.map(({ image }) => image),
        signal,
      )
      progress.report('reading pictures', Math.min(start + CHUNK, files.length), files.length)
      progress.clear()
      if (encoded.length > 0) yield decoded.map(({ file }, i) => ({ file, image: encoded[i]! }))
    }
  }

  /** All of them at once. */
  async readAll(files: readonly string[]): Promise<ReadPicture[]> {
    const pictures: ReadPicture[] = []
    for await (const chunk of this.read(files)) pictures.push(...chunk)
    if (pictures.length === 0) throw new DataError('none of the pictures could be read')
    return pictures
  }

  /** Ends the command with a failure where pictures were left out. */
  finish(): void {
    if (this.#failed > 0) throw new DataError(`${this.#failed} of ${this.#total} pictures could not be read`)
  }

  async #decode(file: string, alone: boolean, clear: () => void): Promise<RawImage | undefined> {
    try {
      const { rgb, width, height } = await decodeImage(file, this.#io.signal)
      return { data: rgb, width, height, channels: 3 }
    } catch (error) {
      if (alone || !(error instanceof ImageError)) throw error
      this.#failed++
      clear()
      this.#io.err(`skipped: ${error.message}\n`)
      return undefined
    }
  }
}

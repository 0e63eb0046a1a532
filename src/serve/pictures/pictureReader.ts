import { ImageError } from '../../errors.js'
import type { RawImage } from '../../image/decode.js'
import { type DownloadOptions, downloadPicture } from './downloadPicture.js'
import type { PicturePreparer } from './pictureThread.js'

export interface PictureReaderOptions {
  /** Whether http(s) addresses are opened. */
  readonly allowAddresses: boolean
  readonly maxBytes: number
  /** For tests: how names are resolved and which addresses are allowed. */
  readonly network?: Pick<DownloadOptions, 'resolve' | 'isAllowed'>
}

const DATA_URL = /^data:(?:image\/[\w.+-]+|application\/octet-stream)?;base64,/i
const BASE64 = /^[\w+/=-]*$/

/** The pictures of requests: data URLs, and addresses where the server allows them. */
export class PictureReader {
  readonly #preparer: PicturePreparer
  readonly #options: PictureReaderOptions

  constructor(preparer: PicturePreparer, options: PictureReaderOptions) {
    this.#preparer = preparer
    this.#options = options
  }

  /** @throws ImageError for a picture that cannot be read; of several, the message says which. */
  async read(source: string, signal: AbortSignal): Promise<RawImage> {
    return this.prepare(await this.#bytes(source, signal), signal)
  }

  /** Of the bytes of a file. */
  prepare(bytes: Uint8Array, signal: AbortSignal): Promise<RawImage> {
    return this.#preparer.prepare(bytes, signal)
  }

  async readAll(sources: readonly string[], signal: AbortSignal): Promise<RawImage[]> {
    const pictures: RawImage[] = []
    for (const [i, source] of sources.entries())
      pictures.push(
        await this.read(source, signal).catch((cause) => {
          if (!(cause instanceof ImageError)) throw cause
          throw new ImageError(`picture ${i}: ${cause.message}`, { cause })
        }),
      )
    return pictures
  }

  async #bytes(source: string, signal: AbortSignal): Promise<Uint8Array> {
    const { allowAddresses, maxBytes, network } = this.#options
    if (/^https?:/i.test(source)) {
      if (!allowAddresses)
        throw new ImageError(
          'this server does not open addresses; send the picture as a data URL (data:image/png;base64,...)',
        )
      return downloadPicture(source, { maxBytes, signal, ...network })
    }
    const [head] = DATA_URL.exec(source) ?? []
    const base64 = head === undefined ? '' : source.slice(head.length)
    if (base64 === '' || !BASE64.test(base64))
      throw new ImageError(
        `expected a picture as a data URL (data:image/png;base64,...), got ${source.slice(0, 40)}...`,
      )
    return Buffer.from(base64, 'base64')
  }
}

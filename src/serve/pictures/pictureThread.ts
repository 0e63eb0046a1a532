import type { RawImage } from '../../image/decode.js'
import { CallThread, threadScript } from '../../runtime/threads/callThread.js'
import type { PictureLimits } from './preparedPicture.js'

/** Turns the bytes of a file into what the model reads (`preparePicture`). */
export interface PicturePreparer {
  prepare(bytes: Uint8Array, signal: AbortSignal): Promise<RawImage>
  dispose(): Promise<void>
}

/** Does so in a thread of its own: resizing a large photograph would hold up every other request. */
export class PictureThread implements PicturePreparer {
  readonly #thread: CallThread<Uint8Array>

  constructor(limits: PictureLimits) {
    this.#thread = new CallThread(threadScript('serve/pictures/pictureThreadMain.js'), limits)
  }

  get died(): Promise<Error> {
    return this.#thread.died
  }

  prepare(bytes: Uint8Array, signal: AbortSignal): Promise<RawImage> {
    return this.#thread.call<RawImage>(bytes, { signal })
  }

  dispose(): Promise<void> {
    return this.#thread.end('the server was closed')
  }
}

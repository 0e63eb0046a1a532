import { beforeStop, openStop } from './stopStrings.js'

/** What a decoder puts for bytes that are no character, or not a whole one yet. */
const NOT_WHOLE = /\ufffd+$/

/**
 * Cuts a growing text into pieces to show. Joined they are the final text, so what may still turn out not to belong to
 * it is held back: a character whose bytes are not all there, white space at the end, the beginning of a stop string.
 */
export class TextPieces {
  readonly #stop: readonly string[]
  #sent = ''

  constructor(stop: readonly string[]) {
    this.#stop = stop
  }

  /** What can be shown of the text so far and was not shown before; may be empty. */
  push(decoded: string): string {
    const whole = decoded.replace(NOT_WHOLE, '')
    const text = beforeStop(whole, this.#stop)
    const held = text.length < whole.length ? 0 : openStop(text, this.#stop)
    return this.#send(text.slice(0, text.length - held).trim())
  }

  /** The rest of the final text. */
  end(text: string): string {
    return this.#send(text)
  }

  #send(text: string): string {
    const piece = text.slice(this.#sent.length)
    if (piece !== '') this.#sent = text
    return piece
  }
}

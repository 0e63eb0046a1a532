import { DataError } from '../../errors.js'

/** One element of an array in a JSON file. */
export interface JsonEntry {
  /** The key of the array in the file's object; '' where the file is an array. */
  readonly array: string
  readonly index: number
  readonly value: unknown
  /** `file, line N: array[index]`, for messages; the line is the one where the element begins. */
  readonly place: string
}

const code = (char: string): number => char.charCodeAt(0)
const [QUOTE, BACKSLASH, NEWLINE, COMMA, COLON] = [code('"'), code('\\'), code('\n'), code(','), code(':')]
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [code('['), code(']'), code('{'), code('}')]
const isBlank = (byte: number): boolean => byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09

/**
 * Cuts a JSON file into the elements of its arrays while its bytes arrive, so that a file of any size can be read: those
 * of the file's own array, or of the arrays that are values of the file's object. Everything else is passed over.
 */
export class JsonEntryScanner {
  readonly #file: string
  /** The brackets that are open, as the bytes that opened them. */
  readonly #open: number[] = []
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  #line = 1
  #inString = false
  #escaped = false
  /** What may come next between the members of the file's object. */
  #expected: 'key' | 'colon' | 'value' | 'comma' = 'key'
  #array = ''
  #index = 0
  #afterComma = false
  #done = false
  // The text that is being cut out: a key or an element.
  #pieces: Uint8Array[] = []
  #from = -1
  #firstLine = 0

  constructor(file: string) {
    this.#file = file
  }

  /** The elements that end in this chunk. @throws DataError with the line, for what is not JSON. */
  *push(chunk: Uint8Array): Generator<JsonEntry> {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (byte === NEWLINE) this.#line++
      if (this.#inString) this.#stringByte(byte, chunk, i)
      else if (!isBlank(byte)) {
        const entry = this.#structureByte(byte, chunk, i)
        if (entry) yield entry
      }
    }
    if (this.#from >= 0) {
      this.#pieces.push(chunk.slice(this.#from))
      this.#from = 0
    }
  }

  /** To be called after the last chunk. @throws DataError where the file ends too early. */
  end(): void {
    if (!this.#done) throw this.#wrong('the file ends here; expected the end of its JSON (is it truncated?)')
  }

  get #inFileObject(): boolean {
    return this.#open.length === 1 && this.#open[0] === OPEN_OBJECT
  }

  get #amongEntries(): boolean {
    if (this.#open.length === 1) return this.#open[0] === OPEN_ARRAY
    return this.#open.length === 2 && this.#open[0] === OPEN_OBJECT && this.#open[1] === OPEN_ARRAY
  }

  #stringByte(byte: number, chunk: Uint8Array, i: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else if (byte === QUOTE) {
      this.#inString = false
      if (this.#inFileObject && this.#expected === 'key') {
        this.#array = this.#parse(this.#cut(chunk, i + 1), 'a key') as string
        this.#expected = 'colon'
      }
    }
  }

  #structureByte(byte: number, chunk: Uint8Array, i: number): JsonEntry | undefined {
    if (this.#open.length === 0) return this.#fileByte(byte)
    const entry = this.#amongEntries ? this.#entryByte(byte, chunk, i) : undefined
    if (this.#inFileObject) this.#memberByte(byte, i)
    if (byte === QUOTE) this.#inString = true
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) this.#enter(byte)
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) this.#leave(byte)
    return entry
  }

  /** Outside all brackets. */
  #fileByte(byte: number): undefined {
    if (this.#done || (byte !== OPEN_ARRAY && byte !== OPEN_OBJECT))
      throw this.#wrong(this.#done ? 'there is more after the end of the JSON' : 'not JSON; expected [ or {')
    this.#enter(byte)
  }

  /** Directly inside an array of entries. */
  #entryByte(byte: number, chunk: Uint8Array, i: number): JsonEntry | undefined {
    if (byte !== COMMA && byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT) {
      if (this.#from < 0) this.#begin(i)
      return undefined
    }
    const comma = byte === COMMA
    if (this.#from < 0) {
      if (comma || this.#afterComma) throw this.#wrong('expected a value before this comma or bracket')
      return undefined
    }
    this.#afterComma = comma
    const line = this.#firstLine
    const label = `${this.#array}[${this.#index}]`
    const value = this.#parse(this.#cut(chunk, i), label, line)
    return { array: this.#array, index: this.#index++, value, place: `${this.#file}, line ${line}: ${label}` }
  }

  /** Directly inside the file's object. */
  #memberByte(byte: number, i: number): void {
    if (byte === CLOSE_OBJECT) return
    if (byte === COLON || byte === COMMA) {
      if (this.#expected !== (byte === COLON ? 'colon' : 'comma')) throw this.#wrong(`expected a ${this.#expected}`)
      this.#expected = byte === COLON ? 'value' : 'key'
    } else if (this.#expected === 'key' && byte === QUOTE) {
      this.#begin(i)
    } else if (this.#expected === 'value') {
      this.#expected = 'comma'
    } else if (this.#expected !== 'comma' || byte === QUOTE || byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      throw this.#wrong(`expected a ${this.#expected}`)
    }
  }

  #enter(byte: number): void {
    this.#open.push(byte)
    if (this.#amongEntries && byte === OPEN_ARRAY) {
      this.#index = 0
      this.#afterComma = false
    }
  }

  #leave(byte: number): void {
    if (this.#open.pop() !== (byte === CLOSE_ARRAY ? OPEN_ARRAY : OPEN_OBJECT))
      throw this.#wrong('a bracket that closes none')
    this.#done = this.#open.length === 0
  }

  #begin(i: number): void {
    this.#from = i
    this.#firstLine = this.#line
  }

  #cut(chunk: Uint8Array, end: number): Uint8Array {
    const last = chunk.subarray(this.#from, end)
    const whole = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last])
    this.#pieces = []
    this.#from = -1
    return whole
  }

  #parse(bytes: Uint8Array, what: string, line = this.#line): unknown {
    try {
      return JSON.parse(this.#decoder.decode(bytes))
    } catch (cause) {
      throw new DataError(`${this.#file}, line ${line}: ${what} is not JSON: ${(cause as Error).message}`, { cause })
    }
  }

  #wrong(what: string): DataError {
    return new DataError(`${this.#file}, line ${this.#line}: ${what}`)
  }
}

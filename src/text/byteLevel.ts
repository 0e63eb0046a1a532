/** The printable character that stands for each of the 256 bytes in a byte-level vocabulary (GPT-2's table). */
export const BYTE_SYMBOLS: readonly string[] = byteSymbols()

/** The bytes of a text in UTF-8, each as its symbol. */
export function toByteSymbols(text: string): string[] {
  return Array.from(utf8.encode(text), (byte) => BYTE_SYMBOLS[byte]!)
}

/** GPT-2's words: contractions, and runs of letters, of digits or of other signs with the space before them. */
export const GPT2_WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

const utf8 = new TextEncoder()

/** Printable Latin-1 bytes stand for themselves; the others take the characters from U+0100 on, in order. */
function byteSymbols(): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    return String.fromCharCode(printable ? byte : next++)
  })
}

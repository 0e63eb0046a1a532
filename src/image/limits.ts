/** A larger picture is refused before it is decoded: it would take 300 MB and is more likely an attack than a photo. */
export const MAX_PIXELS = 100_000_000
/** A larger file is refused when it comes from the network. */
export const MAX_DOWNLOAD_BYTES = 64 * 2 ** 20

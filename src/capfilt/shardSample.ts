import { tarMember } from '../data/webdataset/tarWriter.js'
import type { RgbPicture } from '../image/resize.js'
import type { OpenPicture } from './pictureBatches.js'
import type { RankedCandidate } from './rankCandidates.js'

/** The `json` member of a sample. */
export interface SampleMetadata {
  /** The captions to train on, best first. */
  readonly caption: readonly string[]
  /** Their similarities with the picture. */
  readonly similarity: readonly number[]
  /** Everything that was compared, best first. */
  readonly candidates: readonly RankedCandidate[]
  /** Where the picture is from. */
  readonly source: string
  readonly source_key: string
}

/** A sample as members of a tar shard: the picture's file as it was, and what became of its captions. */
export async function shardSample(
  { index, bytes, pixels, source, key }: OpenPicture,
  ranked: readonly RankedCandidate[],
  keep: number,
): Promise<Uint8Array[]> {
  const name = String(index).padStart(9, '0')
  const suffix = suffixOf(bytes)
  const candidates = ranked.map((one) => ({ ...one, similarity: rounded(one.similarity) }))
  const best = candidates.slice(0, keep)
  const metadata: SampleMetadata = {
    caption: best.map(({ text }) => text),
    similarity: best.map(({ similarity }) => similarity),
    candidates,
    source,
    source_key: key,
  }
  return [
    tarMember(`${name}.${suffix ?? 'png'}`, suffix === undefined ? await png(pixels) : bytes),
    tarMember(`${name}.json`, Buffer.from(JSON.stringify(metadata))),
  ]
}

/** Float32 has no more digits than that. */
const rounded = (similarity: number): number => Number(similarity.toFixed(6))

/** The suffix of a format that shards hold, by its first bytes. */
function suffixOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  if (text.startsWith('\xff\xd8\xff')) return 'jpg'
  if (text.startsWith('\x89PNG')) return 'png'
  if (text.startsWith('RIFF') && text.endsWith('WEBP')) return 'webp'
  if (text.startsWith('GIF8')) return 'gif'
  if (text.slice(4, 8) === 'ftyp' && text.slice(8) === 'avif') return 'avif'
  return text.startsWith('II*\0') || text.startsWith('MM\0*') ? 'tif' : undefined
}

/** SVG and the like: shards hold what every reader of them opens. */
async function png({ rgb, width, height }: RgbPicture): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp')
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}

import { type ByteSource, openByteSource } from '../bytes/byteSource.js'
import { decompressed } from './decompress.js'
import { packingOf, PACKING_MARK_BYTES } from './packing.js'
import { readTar, type TarMember } from './tarReader.js'

/** The members of a shard that share a key, undecoded. */
export interface ShardSample {
  /** Their path up to the first dot of the base name. */
  readonly key: string
  /** Data by lower-case suffix: all that follows that dot, such as 'jpg' or 'seg.png'. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Where the data of each begins, by suffix, in bytes of the uncompressed archive. */
  readonly starts: ReadonlyMap<string, number>
  /** Where its first member begins, in bytes of the uncompressed archive; reading can start there. */
  readonly offset: number
  /** Where the next sample may begin. */
  readonly next: number
}

/**
 * Reads the samples of a shard, a local path or an http(s) address, plain or packed (see decompressed).
 * @param from The `offset` or `next` of a sample (default 0). A plain archive is read from there, by a range request
 * where it is remote; a packed archive is unpacked up to there.
 * @throws DataError for a damaged shard, after the samples before the damage; the last of them is dropped, for it may be
 * incomplete.
 */
export async function* readShardSamples(location: string, from = 0, signal?: AbortSignal): AsyncGenerator<ShardSample> {
  const source = openByteSource(location, signal)
  const isPlain = from > 0 && !(await isPacked(source))
  const chunks = isPlain ? source.stream(from) : unpackedFrom(source.stream(), source.name, from)
  yield* groupSamples(readTar(chunks, { name: source.name, from, wants: isPartOfSample }))
}

/**
 * Groups consecutive members by key, as the WebDataset library does: members called `__x__` and members without a
 * suffix are left out, and the end of the archive ends the sample. A suffix that comes a second time starts a new
 * sample, where the library stops: shards of LAION hold such pairs.
 */
export async function* groupSamples(members: AsyncIterable<TarMember>): AsyncGenerator<ShardSample> {
  let current: GrowingSample | undefined
  for await (const { name, data, start, offset, next } of members) {
    const [key, suffix] = splitName(name) ?? []
    if (key === undefined || suffix === undefined || isMetadata(name)) continue
    if (current && (current.key !== key || current.files.has(suffix))) {
      yield current
      current = undefined
    }
    current ??= { key, files: new Map(), starts: new Map(), offset, next }
    current.files.set(suffix, data)
    current.starts.set(suffix, start)
    current.next = next
  }
  if (current) yield current
}

interface GrowingSample extends ShardSample {
  readonly files: Map<string, Uint8Array>
  readonly starts: Map<string, number>
  next: number
}

const isPartOfSample = (name: string): boolean => splitName(name) !== undefined && !isMetadata(name)

/** Splits at the first dot of the base name: 'a.b/c.seg.PNG' is the key 'a.b/c' and the suffix 'seg.png'. */
function splitName(name: string): [key: string, suffix: string] | undefined {
  const dot = name.indexOf('.', name.lastIndexOf('/') + 1)
  return dot < 1 ? undefined : [name.slice(0, dot), name.slice(dot + 1).toLowerCase()]
}

/** `__x__` itself and what lies in a folder of such a name. */
const isMetadata = (name: string): boolean => /^__[^/]*__($|\/)/.test(name)

/** Whether a shard is packed: its samples cannot be read one by one then. */
export async function isPacked(source: Pick<ByteSource, 'size' | 'read'>): Promise<boolean> {
  const first = await source.read(0, Math.min(await source.size(), PACKING_MARK_BYTES))
  return packingOf(first) !== undefined
}

async function* unpackedFrom(packed: AsyncIterable<Uint8Array>, name: string, from: number) {
  let skip = from
  for await (const chunk of decompressed(packed, name)) {
    const kept = chunk.subarray(Math.min(skip, chunk.length))
    skip -= chunk.length - kept.length
    if (kept.length > 0) yield kept
  }
}

import { DataError } from '../../errors.js'
import {
  defaultCacheDirectory,
  ensureVendor,
  type RenderProgress,
  readVendorPixels,
  type VendorIndex,
} from './cache.js'
import { EMOJIBASE, type EmojiConcept, emojiConcepts, type SkinTone } from './concepts.js'
import { requirePackages } from './packages.js'
import { PICTURE_BYTES } from './render.js'
import { assignSplit, type EmojiSplit } from './splits.js'
import { MAIN_VENDORS, VENDORS, type VendorId } from './vendors.js'

/** One drawing and what may be said of it. */
export interface EmojiPicture {
  /** Vendor and hexcode of the main concept: "noto/1f600". */
  id: string
  vendor: VendorId
  split: EmojiSplit
  /** Hexcodes of the concepts below. */
  hexcodes: readonly string[]
  /** Right answers, the main one first: lower-case CLDR labels. Several when a vendor draws concepts alike. */
  captions: readonly string[]
  /** CLDR keywords of the main concept: hints for training, never acceptable answers. */
  tags: readonly string[]
  /** Id of the main concept, the same in every vendor. */
  concept: number
  /** Ids of all concepts of the picture. Two pictures that share one are no negatives of each other. */
  concepts: readonly number[]
  group: string
  subgroup: string
  skinTones: readonly SkinTone[]
  /** True without a skin tone. */
  base: boolean
  /** True when a mirrored picture would be wrong. */
  directional: boolean
}

export interface LoadEmojiOptions {
  /** Default: `defaultCacheDirectory()`. */
  cacheDir?: string
  /** Default: the ten vendors of the data set, without the extra styles. */
  vendors?: readonly VendorId[]
  onProgress?: (progress: RenderProgress) => void
  signal?: AbortSignal
}

/**
 * Opens the emoji data set, rendering the drawings of vendors that are not in the cache yet (about half a minute for
 * all on two cores, 560 MB on disk).
 *
 * @throws DataError when a vendor's package is not installed (the message has the line that installs it).
 */
export async function loadEmojiData(options: LoadEmojiOptions = {}): Promise<EmojiData> {
  const { cacheDir = defaultCacheDirectory(), vendors = MAIN_VENDORS, onProgress, signal } = options
  requirePackages([EMOJIBASE, ...vendors.map((id) => VENDORS[id])])
  const indexes: VendorIndex[] = []
  for (const id of vendors) {
    signal?.throwIfAborted()
    indexes.push(
      await ensureVendor(cacheDir, VENDORS[id], {
        ...(onProgress === undefined ? {} : { onProgress }),
        ...(signal === undefined ? {} : { signal }),
      }),
    )
  }
  return new EmojiData(cacheDir, indexes)
}

/** The pictures of the loaded vendors. Pixels are read from the cache a vendor at a time, when first asked for. */
export class EmojiData {
  /** Every picture that belongs to a split, vendor by vendor in CLDR order. */
  readonly pictures: readonly EmojiPicture[]
  readonly #cacheDirectory: string
  readonly #indexes: ReadonlyMap<string, VendorIndex>
  readonly #pixels = new Map<string, Uint8Array>()
  readonly #offsets = new Map<string, number>()

  constructor(cacheDirectory: string, indexes: readonly VendorIndex[]) {
    this.#cacheDirectory = cacheDirectory
    this.#indexes = new Map(indexes.map((index) => [index.vendor, index]))
    const stored = indexes.flatMap(describePictures)
    const trained = new Set(stored.filter(({ picture }) => picture.split === 'train').map(({ hash }) => hash))
    // The same pixels on both sides would be a test of memory.
    const kept = stored.filter(({ picture, hash }) => picture.split === 'train' || !trained.has(hash))
    for (const { picture, position } of kept) this.#offsets.set(picture.id, position * PICTURE_BYTES)
    this.pictures = kept.map(({ picture }) => picture)
  }

  split(name: EmojiSplit): EmojiPicture[] {
    return this.pictures.filter((picture) => picture.split === name)
  }

  /** The 80 x 80 RGBA pixels of a picture with straight alpha: a view of shared memory, not to be written to. */
  rgba(picture: EmojiPicture): Uint8Array {
    const offset = this.#offsets.get(picture.id)
    if (offset === undefined) throw new DataError(`Picture ${picture.id} is not part of this data set`)
    return this.#vendorPixels(picture.vendor).subarray(offset, offset + PICTURE_BYTES)
  }

  #vendorPixels(vendor: VendorId): Uint8Array {
    let pixels = this.#pixels.get(vendor)
    if (pixels === undefined) {
      pixels = readVendorPixels(this.#cacheDirectory, this.#indexes.get(vendor)!)
      this.#pixels.set(vendor, pixels)
    }
    return pixels
  }
}

interface StoredPicture {
  picture: EmojiPicture
  hash: string
  /** Number of the picture in the vendor's file. */
  position: number
}

function describePictures(index: VendorIndex): StoredPicture[] {
  const vendor = VENDORS[index.vendor]
  return index.pictures.flatMap(({ hexcodes, hash }, position) => {
    const assigned = assignSplit(vendor.role, hexcodes.map(conceptOf))
    if (assigned === null) return []
    const [main] = assigned.concepts
    const picture: EmojiPicture = {
      id: `${vendor.id}/${main!.hexcode}`,
      vendor: vendor.id,
      split: assigned.split,
      hexcodes: assigned.concepts.map((concept) => concept.hexcode),
      captions: assigned.concepts.map((concept) => concept.caption),
      tags: main!.tags,
      concept: main!.id,
      concepts: assigned.concepts.map((concept) => concept.id),
      group: main!.group,
      subgroup: main!.subgroup,
      skinTones: main!.skinTones,
      base: main!.base,
      directional: assigned.concepts.some((concept) => concept.directional),
    }
    return [{ picture, hash, position }]
  })
}

let conceptsByHexcode: ReadonlyMap<string, EmojiConcept> | undefined

function conceptOf(hexcode: string): EmojiConcept {
  conceptsByHexcode ??= new Map(emojiConcepts().map((concept) => [concept.hexcode, concept]))
  const concept = conceptsByHexcode.get(hexcode)
  if (concept === undefined) {
    throw new DataError(
      `The emoji cache names ${hexcode}, which the installed emojibase-data does not have. Delete the cache folder.`,
    )
  }
  return concept
}

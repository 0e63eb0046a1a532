import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../../errors.js'
import { replaceFile } from '../../weights/replaceFile.js'
import { EMOJIBASE } from './concepts.js'
import { vendorDrawings } from './join.js'
import { attributionNotice } from './notice.js'
import { installedVersion } from './packages.js'
import { PICTURE_BYTES, PICTURE_SIZE, renderDrawings } from './render.js'
import { type EmojiVendor, VENDOR_IDS, VENDORS } from './vendors.js'

export { defaultCacheDirectory } from '../../weights/cacheDirectory.js'

/** What is stored for one vendor: an index in JSON, and the pixels of its pictures one after another in a .bin file. */
export type VendorIndex = z.infer<typeof vendorIndexSchema>

const vendorIndexSchema = z.object({
  format: z.literal('emoji-80-v1'),
  vendor: z.enum(VENDOR_IDS),
  package: z.string(),
  packageVersion: z.string(),
  /** Version of emojibase-data, which names the concepts. */
  conceptsVersion: z.string(),
  /** Version of the join and of the concepts: a change in the code that alters them makes the cache stale. */
  joinVersion: z.number(),
  size: z.literal(PICTURE_SIZE),
  /** SHA-256 of the .bin file. */
  sha256: z.string(),
  pictures: z.array(z.object({ hexcodes: z.array(z.string()).min(1), hash: z.string() })),
})

/** Raise it when join.ts, iconNames.ts, concepts.ts or render.ts change what is stored. */
const JOIN_VERSION = 1

export interface RenderProgress {
  vendor: EmojiVendor
  done: number
  total: number
}

export interface VendorCacheOptions {
  onProgress?: (progress: RenderProgress) => void
  signal?: AbortSignal
}

/** The folder of the renders inside a cache directory. */
export function emojiCacheFolder(cacheDirectory: string): string {
  return join(cacheDirectory, 'emoji-80-v1')
}

/**
 * The index of a vendor's pictures, rendering them first when the cache has none for the installed version of the
 * package. The pixels are written before the index and both under a temporary name, so a stopped run leaves whole
 * vendors or none, and the next run goes on with the vendors that are missing.
 */
export async function ensureVendor(
  cacheDirectory: string,
  vendor: EmojiVendor,
  options: VendorCacheOptions = {},
): Promise<VendorIndex> {
  const folder = emojiCacheFolder(cacheDirectory)
  const stored = await readVendorIndex(folder, vendor)
  return stored ?? (await renderVendor(folder, vendor, options))
}

/**
 * The pixels of a vendor: picture i of its index is at `i * PICTURE_BYTES`.
 *
 * @throws DataError when the file is not the one that the index describes.
 */
export function readVendorPixels(cacheDirectory: string, index: VendorIndex): Uint8Array {
  const path = join(emojiCacheFolder(cacheDirectory), `${index.vendor}.bin`)
  const pixels = readFileSync(path)
  const expected = index.pictures.length * PICTURE_BYTES
  if (pixels.length !== expected || sha256(pixels) !== index.sha256) {
    throw new DataError(
      `${path} is damaged: expected ${expected} bytes with the hash of its index, found ${pixels.length} bytes. ` +
        'Delete it and its .json to render it again.',
    )
  }
  return pixels
}

/** The stored index when it is there and of this version and the installed ones; another is rendered again. */
async function readVendorIndex(folder: string, vendor: EmojiVendor): Promise<VendorIndex | undefined> {
  const path = join(folder, `${vendor.id}.json`)
  if (!existsSync(path) || !existsSync(join(folder, `${vendor.id}.bin`))) return undefined
  const parsed = vendorIndexSchema.safeParse(parseJson(path, await readFile(path, 'utf8')))
  if (!parsed.success) return undefined
  const { joinVersion, packageVersion, conceptsVersion } = parsed.data
  const current =
    joinVersion === JOIN_VERSION &&
    packageVersion === installedVersion(vendor) &&
    conceptsVersion === installedVersion(EMOJIBASE)
  return current ? parsed.data : undefined
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DataError(`${path} is damaged: it is not JSON. Delete it to render the vendor again.`, { cause })
  }
}

async function renderVendor(folder: string, vendor: EmojiVendor, options: VendorCacheOptions): Promise<VendorIndex> {
  const { onProgress, signal } = options
  const pictures = await renderDrawings(vendorDrawings(vendor), {
    onDrawing: (done, total) => onProgress?.({ vendor, done, total }),
    ...(signal === undefined ? {} : { signal }),
  })
  const pixels = Buffer.concat(pictures.map(({ rgba }) => rgba))
  const index: VendorIndex = {
    format: 'emoji-80-v1',
    vendor: vendor.id,
    package: vendor.name,
    packageVersion: installedVersion(vendor),
    conceptsVersion: installedVersion(EMOJIBASE),
    joinVersion: JOIN_VERSION,
    size: PICTURE_SIZE,
    sha256: sha256(pixels),
    pictures: pictures.map(({ hexcodes, hash }) => ({ hexcodes, hash })),
  }
  await mkdir(folder, { recursive: true })
  await replaceFile(join(folder, 'NOTICE'), attributionNotice(Object.values(VENDORS)))
  await rm(join(folder, `${vendor.id}.json`), { force: true })
  await replaceFile(join(folder, `${vendor.id}.bin`), pixels)
  await replaceFile(join(folder, `${vendor.id}.json`), JSON.stringify(index))
  return index
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

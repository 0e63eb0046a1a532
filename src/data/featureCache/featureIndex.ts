import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError, DataError } from '../../errors.js'
import { replaceFile } from '../../weights/replaceFile.js'

const positive = z.int().positive()
const hash = z.string().length(64)

const indexSchema = z.strictObject({
  format: z.literal('blip2-features'),
  version: z.literal(1),
  dtype: z.literal('F16'),
  /** Shape of the features of one view. */
  tokens: positive,
  width: positive,
  pictures: positive,
  /** Views of each picture, and the seed that they are drawn from. */
  views: z.strictObject({ count: positive, seed: z.int() }),
  shardPictures: positive,
  /** SHA-256 of the encoder's sizes and weights; of size, normalisation and augmentation; of all pictures. */
  encoder: hash,
  preprocessing: hash,
  data: hash,
  /** The finished ones, in order. */
  shards: z.array(z.strictObject({ file: z.string(), sha256: hash })),
})

/** The index.json of a feature cache. */
export type FeatureIndex = z.infer<typeof indexSchema>

/** What features depend on. */
export type FeatureIdentity = Pick<FeatureIndex, 'encoder' | 'preprocessing' | 'data'>

const indexPath = (folder: string): string => join(folder, 'index.json')

export const writeFeatureIndex = (folder: string, index: FeatureIndex): Promise<void> =>
  replaceFile(indexPath(folder), `${JSON.stringify(index)}\n`)

/** Undefined where there is none. @throws DataError where it is broken. */
export async function readFeatureIndex(folder: string): Promise<FeatureIndex | undefined> {
  const path = indexPath(folder)
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new DataError(`cannot read ${path}: ${cause.code}`, { cause })
  })
  if (text === undefined) return undefined
  try {
    return indexSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new DataError(`${path} is not the index of a feature cache of version 1`, { cause })
  }
}

/** @throws ConfigError that names what differs. */
export function checkIdentity(folder: string, found: FeatureIdentity, wanted: FeatureIdentity): void {
  const other = (['encoder', 'preprocessing', 'data'] as const).find((field) => found[field] !== wanted[field])
  if (other !== undefined)
    throw new ConfigError(
      `the features in ${folder} were made with ${WHAT[other]}; make them anew with blip2 data cache, or give what they were made with`,
    )
}

const WHAT = {
  encoder: 'another image encoder',
  preprocessing: 'another picture size, normalisation or augmentation (--preset)',
  data: 'other pictures or captions (--data)',
} as const

/** Number of shards of a finished cache. */
export const shardCount = ({ pictures, shardPictures }: Pick<FeatureIndex, 'pictures' | 'shardPictures'>): number =>
  Math.ceil(pictures / shardPictures)

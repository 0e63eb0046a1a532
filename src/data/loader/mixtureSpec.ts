import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import { isAddress } from '../bytes/byteSource.js'

const location = z.string().min(1)
const common = {
  /** Names the source in logs and checkpoints. */
  name: z.string().min(1),
  /** How often samples are taken from it, relative to the other sources. */
  weight: z.number().positive().default(1),
  /** Only that many captions are used of each picture: CapFilt writes them best first, BLIP-2 trains on two. */
  bestCaptions: z.int().min(1).optional(),
  /**
   * Views of its pictures get RandAugment(2, 5). Default: those of the format visual-genome do, as in the released code.
   */
  randAugment: z.boolean().optional(),
}
const source = <Format extends string, Fields extends z.ZodRawShape>(format: Format, fields: Fields) =>
  z.strictObject({ format: z.literal(format), ...common, ...fields })

const sourceSchema = z.discriminatedUnion('format', [
  source('webdataset', { shards: location, captionField: z.string().optional() }),
  source('img2dataset', { folder: location, captionField: z.string().optional() }),
  source('folder', { folder: location }),
  source('coco', { annotations: location, images: location }),
  source('karpathy', {
    annotations: location,
    images: location,
    splits: z.array(z.enum(['train', 'restval', 'val', 'test'])).optional(),
  }),
  source('visual-genome', { annotations: location, images: location }),
  source('sbu-json', { annotations: location }),
  source('sbu-text', { urls: location, captions: location }),
  source('cc3m', { annotations: location }),
  source('cc12m', { annotations: location }),
  source('laion', { annotations: location }),
  source('list', { annotations: location, images: location }),
])

const mixtureSchema = z.strictObject({ sources: z.array(sourceSchema).min(1) })

export type SourceSpec = z.infer<typeof sourceSchema>
export interface MixtureSpec {
  readonly sources: readonly SourceSpec[]
}

const LOCATIONS = ['shards', 'folder', 'annotations', 'images', 'urls', 'captions'] as const

/**
 * Checks a mixture of data sets, for instance
 * `{"sources": [{"name": "coco", "format": "karpathy", "annotations": "dataset_coco.json", "images": "coco", "weight": 2}]}`.
 * @param folder Relative paths start here.
 * @throws ConfigError with the field that is wrong.
 */
export function parseMixture(json: unknown, folder: string): MixtureSpec {
  const parsed = mixtureSchema.safeParse(json)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw new ConfigError(`the mixture is wrong at ${path.join('.') || 'its top'}: ${message}`)
  }
  const { sources } = parsed.data
  const names = sources.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new ConfigError(`two sources of the mixture are called ${JSON.stringify(twice)}`)
  return { sources: sources.map((one) => resolved(one, folder)) }
}

/** Reads a mixture from a JSON file; relative paths start from its folder. */
export async function readMixture(file: string): Promise<MixtureSpec> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError(`cannot read the mixture ${file}: ${cause.code}`, { cause })
  })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ConfigError(`the mixture ${file} is not JSON: ${(cause as Error).message}`, { cause })
  }
  return parseMixture(json, dirname(file))
}

function resolved(spec: SourceSpec, folder: string): SourceSpec {
  const fields: Record<string, unknown> = { ...spec }
  for (const name of LOCATIONS) {
    const value = fields[name]
    if (typeof value === 'string' && !isAddress(value)) fields[name] = resolve(folder, value)
  }
  return fields as SourceSpec
}

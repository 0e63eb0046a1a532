import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, ModelNotFoundError } from '../errors.js'
import { Blip2, type LoadOptions } from '../tasks/blip2.js'
import { readJsonFile } from '../weights/jsonFile.js'
import { BlipCaptioner } from './blipCaptioner.js'
import { blip2Models } from './blip2Models.js'
import type { Captioner } from './captioner.js'
import { ClipRanker } from './clipRanker.js'
import type { Ranker } from './ranker.js'

export interface CapfiltModels extends AsyncDisposable {
  readonly captioner: Captioner
  readonly ranker: Ranker
  /** Hashes that tell these models from others: of config.json and of the names and sizes of the weight files. */
  readonly identities: { readonly captioner: string; readonly ranker: string }
}

/**
 * Opens the two models of CapFilt, each by what its config.json says it is: BLIP-2 as either, Hugging Face's BLIP as
 * captioner, Hugging Face's CLIP as ranker. One directory of BLIP-2 for both is opened once.
 *
 * @throws ModelNotFoundError, ConfigError or WeightsError for a directory that holds no such model.
 */
export async function openModels(
  directories: { readonly captioner: string; readonly ranker: string },
  options: LoadOptions = {},
): Promise<CapfiltModels> {
  const opened = new Set<Captioner | Ranker>()
  const dispose = async () => {
    await Promise.all([...opened].map((model) => model.dispose()))
  }
  try {
    const captioner = await openCaptioner(directories.captioner, options)
    opened.add(captioner.model)
    const shared = directories.ranker === directories.captioner ? captioner.asRanker : undefined
    const ranker = shared ?? (await openRanker(directories.ranker, options))
    opened.add(ranker)
    const identities = {
      captioner: await identityOf(directories.captioner),
      ranker: await identityOf(directories.ranker),
    }
    return { captioner: captioner.model, ranker, identities, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function openCaptioner(
  directory: string,
  options: LoadOptions,
): Promise<{ readonly model: Captioner; readonly asRanker?: Ranker }> {
  const json = await readModelConfig(directory)
  const kind = kindOf(json)
  if (kind === 'blip') return { model: await BlipCaptioner.open(directory, json, execution(options)) }
  if (kind === 'clip')
    throw new ConfigError(
      `${directory} holds a CLIP, which writes no captions; expected a BLIP-2 with stage 2, or BLIP`,
    )
  const { captioner, ranker } = blip2Models(await Blip2.fromPretrained(directory, options))
  return { model: captioner, asRanker: ranker }
}

async function openRanker(directory: string, options: LoadOptions): Promise<Ranker> {
  const json = await readModelConfig(directory)
  const kind = kindOf(json)
  if (kind === 'clip') return ClipRanker.open(directory, json, execution(options))
  if (kind === 'blip')
    throw new ConfigError(
      `${directory} holds a BLIP captioner, which compares nothing; expected a BLIP-2 with stage 1, or CLIP`,
    )
  return blip2Models(await Blip2.fromPretrained(directory, options)).ranker
}

async function readModelConfig(directory: string): Promise<unknown> {
  const path = join(directory, 'config.json')
  const json = await readJsonFile(path)
  if (json === undefined) throw new ModelNotFoundError(`no model in ${directory}: there is no ${path}`)
  return json
}

/** What Hugging Face's configuration calls itself. */
const kindOf = (json: unknown): unknown =>
  typeof json === 'object' && json !== null && 'model_type' in json ? json.model_type : undefined

const execution = ({ device, threads }: LoadOptions) => ({
  ...(device === undefined ? {} : { device }),
  ...(threads === undefined ? {} : { threads }),
})

async function identityOf(directory: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(await readModelConfig(directory)))
  for (const name of (await readdir(directory)).filter((name) => /\.(safetensors|bin|pth?)$/.test(name)).sort())
    hash.update(`\n${name} ${(await stat(join(directory, name))).size}`)
  return hash.digest('hex')
}

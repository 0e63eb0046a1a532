import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelNotFoundError } from '../errors.js'
import { Blip2, type LoadOptions } from '../tasks/blip2.js'
import { blip2Models } from './blip2Models.js'
import type { Captioner } from './captioner.js'
import type { Ranker } from './ranker.js'

export interface CapfiltModels extends AsyncDisposable {
  readonly captioner: Captioner
  readonly ranker: Ranker
  /** Hashes that tell these models from others: of config.json and of the names and sizes of the weight files. */
  readonly identities: { readonly captioner: string; readonly ranker: string }
}

/**
 * Opens the two models of CapFilt, each by what its config.json says it is. One directory for both is opened once.
 *
 * @throws ModelNotFoundError, ConfigError or WeightsError for a directory that holds no such model.
 */
export async function openModels(
  directories: { readonly captioner: string; readonly ranker: string },
  options: LoadOptions = {},
): Promise<CapfiltModels> {
  const opened: (Captioner | Ranker)[] = []
  const keep = <T extends Captioner | Ranker>(model: T): T => {
    opened.push(model)
    return model
  }
  const dispose = async () => {
    await Promise.all(opened.map((model) => model.dispose()))
  }
  try {
    const captionerIdentity = await identityOf(directories.captioner)
    const rankerIdentity = await identityOf(directories.ranker)
    const both = new Map<string, ReturnType<typeof blip2Models>>()
    const blip2 = async (directory: string) => {
      const known = both.get(directory) ?? blip2Models(await Blip2.fromPretrained(directory, options))
      both.set(directory, known)
      return known
    }
    const captioner = keep((await blip2(directories.captioner)).captioner)
    const ranker = keep((await blip2(directories.ranker)).ranker)
    return {
      captioner,
      ranker,
      identities: { captioner: captionerIdentity, ranker: rankerIdentity },
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function identityOf(directory: string): Promise<string> {
  const config = join(directory, 'config.json')
  const text = await readFile(config, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new ModelNotFoundError(`no model in ${directory}: cannot read its config.json (${cause.code})`, { cause })
  })
  const hash = createHash('sha256').update(text)
  for (const name of (await readdir(directory)).filter((name) => /\.(safetensors|bin|pth?)$/.test(name)).sort())
    hash.update(`\n${name} ${(await stat(join(directory, name))).size}`)
  return hash.digest('hex')
}

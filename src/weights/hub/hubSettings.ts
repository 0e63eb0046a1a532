import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Which hub, with whose rights, and where what was fetched is kept. */
export interface HubSettings {
  readonly endpoint: string
  readonly cacheDirectory: string
  readonly token?: string
  /** Nothing is asked of the network. */
  readonly offline: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The settings that Hugging Face's own tools read, so that their cache and their login serve here too: HF_ENDPOINT,
 * HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_TOKEN or the file that `hf auth login` writes, HF_HUB_OFFLINE.
 */
export async function hubSettings(environment: Environment = process.env): Promise<HubSettings> {
  const home = environment['HF_HOME'] || join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface')
  const token = environment['HF_TOKEN'] || (await savedToken(environment['HF_TOKEN_PATH'] || join(home, 'token')))
  return {
    endpoint: (environment['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, ''),
    cacheDirectory: environment['HF_HUB_CACHE'] || environment['HUGGINGFACE_HUB_CACHE'] || join(home, 'hub'),
    offline: /^(1|on|yes|true)$/i.test(environment['HF_HUB_OFFLINE'] ?? ''),
    ...(token ? { token } : {}),
  }
}

async function savedToken(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return text.trim() || undefined
}

import { open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../errors.js'
import { METRICS_FILE } from '../../train/metrics.js'

/** Of the metrics, enough for the last line. */
const TAIL_BYTES = 8192

export interface RunSummary {
  readonly name: string
  /** When its metrics were last written, ISO 8601. */
  readonly updated: string
  /** The last line of its metrics; null before the first. */
  readonly latest: Readonly<Record<string, unknown>> | null
}

/** The training directories in a folder. Names come from listing it, never from a request. */
export class TrainingRuns {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** @throws ConfigError where there is no such folder. */
  static async open(folder: string): Promise<TrainingRuns> {
    const isFolder = await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    )
    if (!isFolder) throw new ConfigError(`${folder} is no folder of training directories; make it, or leave it out`)
    return new TrainingRuns(folder)
  }

  /** The one written last first. */
  async list(): Promise<RunSummary[]> {
    const found: RunSummary[] = []
    for (const name of await this.#names()) {
      const path = join(this.#folder, name, METRICS_FILE)
      found.push({ name, ...(await lastWritten(path)) })
    }
    return found.sort((a, b) => b.updated.localeCompare(a.updated))
  }

  /** A run's config.json; undefined where there is no such run. */
  async config(name: string): Promise<unknown> {
    if (!(await this.#names()).includes(name)) return undefined
    return JSON.parse(await readFile(join(this.#folder, name, 'config.json'), 'utf8'))
  }

  /** Path of a run's metrics; undefined where there is no such run. */
  async metricsPath(name: string): Promise<string | undefined> {
    return (await this.#names()).includes(name) ? join(this.#folder, name, METRICS_FILE) : undefined
  }

  async #names(): Promise<string[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true })
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    const isRun = await Promise.all(names.map((name) => isFile(join(this.#folder, name, METRICS_FILE))))
    return names.filter((_, i) => isRun[i])
  }
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )

async function lastWritten(path: string): Promise<Omit<RunSummary, 'name'>> {
  const file = await open(path)
  try {
    const { size, mtime } = await file.stat()
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(TAIL_BYTES),
      0,
      TAIL_BYTES,
      Math.max(0, size - TAIL_BYTES),
    )
    return { updated: mtime.toISOString(), latest: lastRow(buffer.toString('utf8', 0, bytesRead)) }
  } finally {
    await file.close()
  }
}

/** A line that is being written is not whole yet; then the one before it counts. */
function lastRow(text: string): RunSummary['latest'] {
  const lines = text.split('\n')
  const whole = lines.slice(0, -1).findLast((line) => line.startsWith('{'))
  return whole === undefined ? null : (JSON.parse(whole) as RunSummary['latest'])
}

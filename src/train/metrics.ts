import { appendFile, readFile } from 'node:fs/promises'
import { replaceFile } from '../weights/replaceFile.js'

/** In a training directory. */
export const METRICS_FILE = 'metrics.jsonl'

/** One JSON object a line and a step. Lines of steps after the checkpoint that a run resumes from are dropped. */
export class MetricsLog {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** @param first Steps that are done; what the file says of later ones is forgotten. */
  static async open(path: string, first: number): Promise<MetricsLog> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    const kept = text.split('\n').filter((line) => (stepOf(line) ?? Number.POSITIVE_INFINITY) <= first)
    await replaceFile(path, kept.map((line) => `${line}\n`).join(''))
    return new MetricsLog(path)
  }

  async append(line: Readonly<Record<string, number>>): Promise<void> {
    await appendFile(this.#path, `${JSON.stringify(line)}\n`)
  }
}

/** The step of a line; undefined where the line was cut off by a crash. */
function stepOf(line: string): number | undefined {
  try {
    const { step } = JSON.parse(line) as { step?: unknown }
    return typeof step === 'number' ? step : undefined
  } catch {
    return undefined
  }
}

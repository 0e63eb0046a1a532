import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.js'
import { replaceFile } from '../weights/replaceFile.js'
import type { RunScores } from './experiment.js'

const scoresSchema = z.record(z.string(), z.number())

/** Scores of runs that are over, a file each, so that experiments go on where they stopped. */
export class Results {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = join(directory, 'results')
  }

  /** Scores of a run; undefined where it is still to be done. @throws DataError for a file that holds no scores */
  async read(run: string): Promise<RunScores | undefined> {
    const path = this.#path(run)
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) return undefined
    try {
      return scoresSchema.parse(JSON.parse(text))
    } catch (cause) {
      throw new DataError(`${path} holds no scores; remove it, and the run is done again`, { cause })
    }
  }

  async write(run: string, scores: RunScores): Promise<void> {
    await mkdir(this.#directory, { recursive: true })
    await replaceFile(this.#path(run), `${JSON.stringify(scores)}\n`)
  }

  #path(run: string): string {
    return join(this.#directory, `${run.replaceAll(/[^\w.-]+/g, '_')}.json`)
  }
}

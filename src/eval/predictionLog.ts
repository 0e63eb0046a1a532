import { appendFile, readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { ConfigError, DataError } from '../errors.js'
import { replaceFile } from '../weights/replaceFile.js'

const headSchema = z.object({ of: z.record(z.string(), z.unknown()) })
const idSchema = z.union([z.int(), z.string()])

type Id = z.infer<typeof idSchema>

/** What a model said of one question, picture or query. */
export interface Prediction<Value = string> {
  readonly id: Id
  readonly prediction: Value
}

/**
 * A file of predictions that grows as an evaluation runs, a JSON object a line, so that a run that was stopped goes on.
 * The first line says what the predictions are of: model, data and settings.
 */
export class PredictionLog<Value = string> {
  /** Predictions that the file had, by id. */
  readonly known: ReadonlyMap<Id, Value>
  readonly #path: string

  private constructor(path: string, known: ReadonlyMap<Id, Value>) {
    this.#path = path
    this.known = known
  }

  /**
   * Opens a file of texts.
   *
   * @param of What is predicted; a file that says something else is not gone on with.
   * @param resume Keep the predictions of the file; otherwise it begins anew.
   * @throws ConfigError where the file is of another evaluation; DataError where it is no such file
   */
  static open(path: string, of: Readonly<Record<string, unknown>>, resume: boolean): Promise<PredictionLog> {
    return PredictionLog.openOf(z.string(), path, of, resume)
  }

  /** The same, of predictions in another form. */
  static async openOf<Value>(
    form: z.ZodType<Value>,
    path: string,
    of: Readonly<Record<string, unknown>>,
    resume: boolean,
  ): Promise<PredictionLog<Value>> {
    const known = resume ? await readKnown(form, path, of) : undefined
    // Written anew: a line that a crash cut off is gone.
    const lines = [{ of }, ...[...(known ?? [])].map(([id, prediction]) => ({ id, prediction }))]
    await replaceFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    return new PredictionLog(path, known ?? new Map())
  }

  async append(predictions: readonly Prediction<Value>[]): Promise<void> {
    await appendFile(this.#path, predictions.map((line) => `${JSON.stringify(line)}\n`).join(''))
  }
}

/** The predictions of an earlier run; undefined where there is no file. */
async function readKnown<Value>(
  form: z.ZodType<Value>,
  path: string,
  of: unknown,
): Promise<Map<Id, Value> | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const [first, ...lines] = whole.split('\n').filter((line) => line !== '')
  if (first === undefined) return undefined
  const head = headSchema.safeParse(parseLine(path, first))
  if (!head.success) throw new DataError(`${path} is no file of predictions; expected { "of": ... } in its first line`)
  if (!isDeepStrictEqual(head.data.of, JSON.parse(JSON.stringify(of))))
    throw new ConfigError(
      `${path} holds predictions of another evaluation (${JSON.stringify(head.data.of)}); give another file, or leave --resume out`,
    )
  const lineSchema = z.object({ id: idSchema, prediction: form })
  return new Map(
    lines.map((line) => {
      const parsed = lineSchema.safeParse(parseLine(path, line))
      if (!parsed.success) throw new DataError(`${path}: expected { "id", "prediction" }, got ${line}`)
      return [parsed.data.id, parsed.data.prediction as Value]
    }),
  )
}

function parseLine(path: string, line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new DataError(`${path}: not JSON: ${line}`, { cause })
  }
}

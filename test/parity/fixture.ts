import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DataError } from '../../src/errors.js'
import { float32, int64, type Value } from '../../src/runtime/index.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { isMetricsFixture, readMetricsFixture } from './metrics.js'

export type Values = Record<string, Value>

/** A directory written by the authors' code: sizes, inputs, weights and what came out. */
export interface Fixture {
  readonly name: string
  // The files differ by case; each case reads what it needs through `number` and the like.
  readonly config: Json
  readonly inputs: Values
  readonly weights: Values
  readonly expected: Values
}

export type Json = { readonly [key: string]: unknown }

export async function readFixture(directory: string): Promise<Fixture> {
  const files = await readdir(directory)
  if (isMetricsFixture(files)) return readMetricsFixture(directory, files)
  const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as Json
  const [inputs, expected] = await Promise.all(
    ['inputs', 'expected'].map((name) => readValues(join(directory, `${name}.safetensors`))),
  )
  const weights = await readValues(join(directory, 'weights.safetensors'), true)
  return { name: basename(directory), config, inputs: inputs!, weights, expected: expected! }
}

export function tensor(values: Values, name: string): Value {
  const found = values[name]
  if (!found) throw new DataError(`the fixture lacks the tensor '${name}'; it has ${Object.keys(values).join(', ')}`)
  return found
}

/** An int64 tensor's values. */
export const integers = (values: Values, name: string): bigint[] => Array.from(tensor(values, name).data, BigInt)

export function section(config: Json, name: string): Json {
  const found = config[name]
  if (typeof found !== 'object' || found === null) throw new DataError(`config.json lacks the object '${name}'`)
  return found as Json
}

export function number(config: Json, name: string): number {
  const found = config[name]
  if (typeof found !== 'number') throw new DataError(`config.json lacks the number '${name}'`)
  return found
}

async function readValues(path: string, optional = false): Promise<Values> {
  if (optional && !(await exists(path))) return {}
  await using file = await SafetensorsFile.open(path)
  const values: Values = {}
  for (const [name, info] of file.tensors)
    values[name] =
      info.dtype === 'I64'
        ? int64(info.shape, await file.readInt64(name))
        : float32(info.shape, await file.readFloat32(name))
  return values
}

const exists = (path: string) =>
  readFile(path).then(
    () => true,
    () => false,
  )

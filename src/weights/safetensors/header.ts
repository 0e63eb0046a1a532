import { WeightsError } from '../../errors.js'
import { findDuplicateKey } from './duplicateKey.js'
import { DTYPE_BYTES, isSafetensorsDtype, type SafetensorsDtype, type TensorInfo } from './types.js'

/** The header's own length comes first, as an unsigned 64-bit integer. */
export const LENGTH_BYTES = 8

/** Largest header the format allows. */
export const MAX_HEADER_BYTES = 100_000_000

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>
  /** In the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
}

/**
 * Reads the header's length from the first eight bytes of a file and checks it against the file's size.
 * @param prefix At least the first 8 bytes.
 */
export function parseHeaderLength(prefix: Uint8Array, fileBytes: number, file: string): number {
  if (prefix.byteLength < LENGTH_BYTES)
    throw new WeightsError(`${file}: a safetensors file has at least 8 bytes, this one has ${fileBytes}`)
  const length = new DataView(prefix.buffer, prefix.byteOffset, LENGTH_BYTES).getBigUint64(0, true)
  if (length > MAX_HEADER_BYTES)
    throw new WeightsError(
      `${file}: the header claims ${length} bytes, above the format's limit of ${MAX_HEADER_BYTES}; this is not a safetensors file`,
    )
  if (LENGTH_BYTES + Number(length) > fileBytes)
    throw new WeightsError(
      `${file}: the header claims ${length} bytes but the file ends after ${fileBytes}; it is truncated, fetch it again`,
    )
  return Number(length)
}

/**
 * Parses the JSON header and distrusts it: every tensor must have a known dtype, a shape that fits its bytes, and
 * together the tensors must cover the rest of the file without gap or overlap. Throws a WeightsError otherwise.
 * @param header The header's bytes, without the length before them.
 * @param fileBytes Size of the whole file.
 */
export function parseHeader(header: Uint8Array, fileBytes: number, file: string): SafetensorsHeader {
  const { __metadata__, ...entries } = parseJsonObject(header, file)
  const dataStart = LENGTH_BYTES + header.byteLength
  const tensors = Object.entries(entries).map(
    ([name, entry]) => [name, parseTensor(entry, dataStart, file, name)] as const,
  )
  tensors.sort(([, a], [, b]) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength)
  checkCoverage(tensors, dataStart, fileBytes, file)
  return { metadata: parseMetadata(__metadata__, file), tensors: new Map(tensors) }
}

function parseJsonObject(header: Uint8Array, file: string): Record<string, unknown> {
  let text: string
  let json: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(header)
    json = JSON.parse(text)
  } catch (cause) {
    throw new WeightsError(`${file}: the header is not valid JSON; the file is damaged or not safetensors`, { cause })
  }
  if (!isObject(json)) throw new WeightsError(`${file}: the header must be a JSON object`)
  const duplicate = findDuplicateKey(text)
  if (duplicate !== undefined)
    throw new WeightsError(`${file}: the header holds the key ${JSON.stringify(duplicate)} twice`)
  return json
}

function parseMetadata(metadata: unknown, file: string): Record<string, string> {
  if (metadata === undefined) return {}
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    throw new WeightsError(`${file}: __metadata__ must map names to strings`)
  return metadata as Record<string, string>
}

function parseTensor(entry: unknown, dataStart: number, file: string, name: string): TensorInfo {
  const fail = (problem: string): never => {
    throw new WeightsError(`${file}: tensor ${JSON.stringify(name)}: ${problem}`)
  }
  if (!isObject(entry)) return fail('its header entry is not an object')
  const { dtype, shape, data_offsets: offsets } = entry
  if (!isSafetensorsDtype(dtype))
    return fail(`unknown dtype ${JSON.stringify(dtype)}; known are ${Object.keys(DTYPE_BYTES).join(', ')}`)
  if (!isSizes(shape)) return fail(`its shape ${JSON.stringify(shape)} is not a list of integers >= 0`)
  if (!isSizes(offsets) || offsets.length !== 2)
    return fail(`its data_offsets ${JSON.stringify(offsets)} are not two integers >= 0`)
  const [begin, end] = offsets as [number, number]
  if (end < begin) return fail(`its data_offsets end at ${end}, before they begin at ${begin}`)
  const expected = byteLengthOf(dtype, shape)
  if (!Number.isSafeInteger(expected)) return fail(`its shape [${shape.join(', ')}] overflows`)
  if (expected !== end - begin)
    return fail(`${dtype} [${shape.join(', ')}] takes ${expected} bytes, but its data_offsets span ${end - begin}`)
  return { file, dtype, shape, byteOffset: dataStart + begin, byteLength: expected }
}

/** The format forbids holes, so that nothing can hide in a file and every byte belongs to one tensor. */
function checkCoverage(
  tensors: readonly (readonly [string, TensorInfo])[],
  dataStart: number,
  fileBytes: number,
  file: string,
): void {
  let covered = dataStart
  for (const [name, { byteOffset, byteLength }] of tensors) {
    const where = `${file}: tensor ${JSON.stringify(name)}`
    if (byteOffset < covered)
      throw new WeightsError(`${where} begins at byte ${byteOffset}, inside the tensor that ends at ${covered}`)
    if (byteOffset > covered)
      throw new WeightsError(`${where} begins at byte ${byteOffset}, leaving a gap after byte ${covered}`)
    covered = byteOffset + byteLength
    if (covered > fileBytes)
      throw new WeightsError(
        `${where} ends at byte ${covered}, but the file ends after ${fileBytes}; it is truncated, fetch it again`,
      )
  }
  if (covered < fileBytes)
    throw new WeightsError(`${file}: ${fileBytes - covered} bytes after the last tensor belong to none`)
}

/** Bytes of a tensor; not a safe integer where the shape overflows. */
function byteLengthOf(dtype: SafetensorsDtype, shape: readonly number[]): number {
  // A zero anywhere makes an empty tensor, however large the other sizes are.
  if (shape.includes(0)) return 0
  return shape.reduce((bytes, size) => bytes * size, DTYPE_BYTES[dtype] as number)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)

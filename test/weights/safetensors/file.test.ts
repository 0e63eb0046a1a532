import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { WeightsError } from '../../../src/errors.js'
import { SafetensorsFile } from '../../../src/weights/safetensors/read.js'
import { type TensorToWrite, writeSafetensors } from '../../../src/weights/safetensors/write.js'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'safetensors-'))
})
afterAll(() => rm(directory, { recursive: true }))

const inDirectory = (name: string) => join(directory, name)

const SAMPLE = new Map<string, TensorToWrite>([
  ['bytes', { shape: [3], data: Uint8Array.of(1, 2, 3) }],
  ['weight', { shape: [2, 2], data: Float32Array.of(1, -2.5, Number.NaN, 1e-40) }],
  ['ids', { shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) }],
  ['scale', { shape: [], data: Float32Array.of(0.07) }],
  ['none', { shape: [0, 4], data: new Float32Array(0) }],
])

describe('writeSafetensors and SafetensorsFile', () => {
  it('round-trips values, shapes, dtypes and metadata', async () => {
    const path = inDirectory('sample.safetensors')
    await writeSafetensors(path, SAMPLE, { metadata: { format: 'pt' } })
    await using file = await SafetensorsFile.open(path)
    expect(file.metadata).toEqual({ format: 'pt' })
    expect(await file.readFloat32('weight')).toEqual(Float32Array.of(1, -2.5, Number.NaN, 1e-40))
    expect(await file.readFloat32('none')).toEqual(new Float32Array(0))
    expect(await file.readInt64('ids')).toEqual(BigInt64Array.of(-1n, 2n ** 62n))
    expect(await file.readRaw('bytes')).toEqual(Uint8Array.of(1, 2, 3))
    expect(file.tensor('scale').shape).toEqual([])
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('aligns the data to 8 bytes and every tensor to its element size', async () => {
    const path = inDirectory('aligned.safetensors')
    await writeSafetensors(path, SAMPLE)
    await using file = await SafetensorsFile.open(path)
    const [first] = file.tensors.values()
    expect(first!.byteOffset % 8).toBe(0)
    expect(file.tensor('ids').byteOffset % 8).toBe(0)
    expect(file.tensor('weight').byteOffset % 4).toBe(0)
    const bytes = await readFile(path)
    const { byteOffset } = file.tensor('weight')
    expect(bytes.readFloatLE(byteOffset + 4)).toBe(-2.5)
  })

  it.each(['F16', 'BF16'] as const)('stores float32 as %s and reads it back over several pieces', async (dtype) => {
    const path = inDirectory(`${dtype}.safetensors`)
    // Small integers are exact in both types; the count is above one piece of 2^20.
    const data = Float32Array.from({ length: (1 << 20) + 5 }, (_, i) => (i % 200) - 100)
    await writeSafetensors(path, new Map([['w', { shape: [data.length], data }], ...SAMPLE]), { dtype })
    await using file = await SafetensorsFile.open(path)
    expect(file.tensor('w')).toMatchObject({ dtype, byteLength: 2 * data.length })
    expect(Buffer.compare(Buffer.from((await file.readFloat32('w')).buffer), Buffer.from(data.buffer))).toBe(0)
    expect(file.tensor('ids').dtype).toBe('I64')
  })

  it('fills the array it is given, on WebAssembly memory too', async () => {
    const path = inDirectory('into.safetensors')
    await writeSafetensors(path, SAMPLE, { dtype: 'BF16' })
    await using file = await SafetensorsFile.open(path)
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
    const into = new Float32Array(memory.buffer, 64, 4)
    expect(await file.readFloat32('weight', into)).toBe(into)
    expect(into[1]).toBe(-2.5)
    await expect(file.readFloat32('weight', new Float32Array(3))).rejects.toThrow(/has 4 values, .* has 3/)
  })

  it('writes tensors that are produced in their turn, and shows every byte once', async () => {
    const path = inDirectory('lazy.safetensors')
    const seen: Uint8Array[] = []
    const read = async () => Float32Array.of(1, 2)
    await writeSafetensors(path, new Map([['w', { shape: [2], dtype: 'F16', read }]]), {
      onBytes: (bytes) => seen.push(bytes.slice()),
    })
    expect(Buffer.concat(seen)).toEqual(await readFile(path))
    await using file = await SafetensorsFile.open(path)
    expect(await file.readFloat32('w')).toEqual(Float32Array.of(1, 2))
  })

  it('keeps the old file when writing fails', async () => {
    const path = inDirectory('kept.safetensors')
    await writeSafetensors(path, SAMPLE)
    const before = await readFile(path)
    const broken = new Map<string, TensorToWrite>([...SAMPLE, ['bad', { shape: [3], data: new Float32Array(2) }]])
    await expect(writeSafetensors(path, broken)).rejects.toThrow(/tensor "bad": F32 \[3\] takes 12 bytes, .* has 8/)
    expect(await readFile(path)).toEqual(before)
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('refuses names and shapes that the format does not have', async () => {
    const path = inDirectory('refused.safetensors')
    const data = new Float32Array(2)
    await expect(writeSafetensors(path, new Map([['__metadata__', { shape: [2], data }]]))).rejects.toThrow(
      WeightsError,
    )
    await expect(writeSafetensors(path, new Map([['a', { shape: [-1, -2], data }]]))).rejects.toThrow(WeightsError)
  })

  it('names the file, the tensor and the dtype in its errors', async () => {
    const path = inDirectory('errors.safetensors')
    await writeSafetensors(path, SAMPLE)
    await using file = await SafetensorsFile.open(path)
    expect(() => file.tensor('missing')).toThrow(`${path}: no tensor is called "missing"`)
    await expect(file.readFloat32('ids')).rejects.toThrow(/"ids" is I64; expected F32, F16 or BF16/)
    await expect(file.readInt64('weight')).rejects.toThrow(/"weight" is F32; expected I64/)
    await expect(SafetensorsFile.open(inDirectory('absent.safetensors'))).rejects.toThrow(WeightsError)
    await expect(SafetensorsFile.open(directory)).rejects.toThrow(WeightsError)
    await truncate(path, 300)
    await expect(file.readRaw('bytes')).rejects.toThrow(/it changed while being read/)
  })
})

describe('a damaged file', () => {
  it('opens or throws a WeightsError', async () => {
    const path = inDirectory('whole.safetensors')
    await writeSafetensors(path, SAMPLE, { metadata: { format: 'pt' } })
    const whole = await readFile(path)
    const damaged = inDirectory('damaged.safetensors')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
        fc.option(fc.nat(whole.length - 1)),
        async (flips, length) => {
          const bytes = Buffer.from(whole)
          for (const [at, mask] of flips) bytes[at]! ^= mask
          await writeFile(damaged, length === null ? bytes : bytes.subarray(0, length))
          const error = await readEverything(damaged).catch((error: unknown) => error)
          if (length !== null || error !== undefined) expect(error).toBeInstanceOf(WeightsError)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('random bytes are no safetensors file', async () => {
    const path = inDirectory('random.safetensors')
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        await writeFile(path, bytes)
        await expect(readEverything(path)).rejects.toThrow(WeightsError)
      }),
      { numRuns: 100 },
    )
  })
})

async function readEverything(path: string): Promise<void> {
  await using file = await SafetensorsFile.open(path)
  for (const [name, { dtype }] of file.tensors) {
    await file.readRaw(name)
    if (dtype === 'F32') await file.readFloat32(name)
  }
}

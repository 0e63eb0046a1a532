import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { WeightsError } from '../../../src/errors.js'
import { PytorchFile } from '../../../src/weights/pytorch/read.js'
import { withTemporaryDirectory } from '../temporary.js'

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/pytorch/${name}`, import.meta.url))
const expected: Record<string, { shape: number[]; values: number[] }> = JSON.parse(
  await readFile(fixture('state_dict.json'), 'utf8'),
)
const FLOAT32 = Object.keys(expected).filter((name) => !/^(f64|i64|i32|u8|bool)$/.test(name))
const temporary = withTemporaryDirectory()

describe.each(['state_dict.pth', 'protocol4.pth', 'wrapped.pth'])('PytorchFile on %s', (name) => {
  it('shows the names, shapes and dtypes that PyTorch saved', async () => {
    await using file = await PytorchFile.open(fixture(name))
    expect([...file.tensors.keys()]).toEqual(Object.keys(expected))
    for (const [tensor, { shape }] of Object.entries(expected)) expect(file.tensor(tensor).shape).toEqual(shape)
    expect(['f16', 'bf16', 'f64', 'i32', 'u8', 'bool'].map((tensor) => file.tensor(tensor).dtype)).toEqual([
      'F16',
      'BF16',
      'F64',
      'I32',
      'U8',
      'BOOL',
    ])
  })

  it.each(FLOAT32)('reads the values of %s', async (tensor) => {
    await using file = await PytorchFile.open(fixture(name))
    expect([...(await file.readFloat32(tensor))]).toEqual(expected[tensor]!.values)
    const into = new Float32Array(expected[tensor]!.values.length)
    expect(await file.readFloat32(tensor, into)).toBe(into)
    expect([...into]).toEqual(expected[tensor]!.values)
  })

  it('reads the other dtypes', async () => {
    await using file = await PytorchFile.open(fixture(name))
    expect([...(await file.readInt64('i64'))].map(Number)).toEqual(expected['i64']!.values)
    expect([...(await file.readRaw('u8'))]).toEqual(expected['u8']!.values)
    expect([...(await file.readRaw('bool'))]).toEqual(expected['bool']!.values)
    expect([...new Float64Array((await file.readRaw('f64')).buffer)]).toEqual(expected['f64']!.values)
    await expect(file.readFloat32('f64')).rejects.toThrow(/"f64" is F64; expected F32, F16 or BF16/)
    await expect(file.readInt64('f32')).rejects.toThrow(/"f32" is F32; expected I64/)
    expect(() => file.tensor('none')).toThrow(WeightsError)
  })
})

describe('PytorchFile', () => {
  it('says where the bytes of contiguous tensors lie, views of one storage included', async () => {
    await using file = await PytorchFile.open(fixture('state_dict.pth'))
    const bytes = await readFile(fixture('state_dict.pth'))
    for (const name of ['f32', 'rows', 'parameter']) {
      const { byteOffset, byteLength, strides } = file.tensor(name)
      expect(strides).toBeUndefined()
      expect(bytes.subarray(byteOffset, byteOffset + byteLength)).toEqual(Buffer.from(await file.readRaw(name)))
    }
    expect(file.tensor('tied').byteOffset).toBe(file.tensor('f32').byteOffset)
    expect(file.tensor('rows').byteOffset).toBe(file.tensor('f32').byteOffset + 6 * 4)
    expect(file.tensor('transposed').strides).toEqual([1, 6])
    expect(file.tensor('columns').strides).toEqual([6, 1])
  })

  it('shows what is no tensor', async () => {
    await using file = await PytorchFile.open(fixture('others.pth'))
    expect([...file.tensors.keys()]).toEqual(['f32'])
    expect(Object.fromEntries(file.others)).toEqual({ note: 'text', step: 5 })
    await using module = await PytorchFile.open(fixture('module.bin'))
    expect([...module.tensors.keys()]).toEqual(['weight', 'bias'])
    expect(module.others.size).toBe(0)
  })

  it.each([
    ['legacy.pth', /this is a bare pickle, the format of PyTorch before 1\.6.*save it again/],
    ['state_dict.json', /this is no zip archive/],
    ['module_object.pth', /names torch\.nn\.modules\.linear\.Linear, which is refused/],
    ['custom_class.pth', /names __main__\.Custom, which is refused/],
    ['expanded.pth', /a tensor \[1000\] with strides \[0\] .* repeats its storage of 1 elements/],
    ['bare_tensor.pth', /the checkpoint is no dictionary/],
    ['none.pth', /cannot open the weights file/],
    ['.', /not a regular file|cannot open/],
  ])('refuses %s', async (name, message) => {
    await expect(PytorchFile.open(fixture(name))).rejects.toThrow(WeightsError)
    await expect(PytorchFile.open(fixture(name))).rejects.toThrow(message)
  })

  it('opens a damaged file or throws a WeightsError', async () => {
    const whole = await readFile(fixture('wrapped.pth'))
    const path = temporary('damaged.pth')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
        fc.option(fc.nat(whole.length - 1)),
        async (flips, length) => {
          const bytes = Buffer.from(whole)
          for (const [at, mask] of flips) bytes[at]! ^= mask
          await writeFile(path, length === null ? bytes : bytes.subarray(0, length))
          const error = await readEverything(path).catch((error: unknown) => error)
          if (length !== null || error !== undefined) expect(error).toBeInstanceOf(WeightsError)
        },
      ),
      { numRuns: 400, seed: 1 },
    )
  })
})

async function readEverything(path: string): Promise<void> {
  await using file = await PytorchFile.open(path)
  for (const [name, { dtype }] of file.tensors) {
    await file.readRaw(name)
    if (dtype === 'F32') await file.readFloat32(name)
  }
}

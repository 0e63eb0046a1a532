import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'

import { WeightsError } from '../../../src/errors.js'
import { PytorchFile } from '../../../src/weights/pytorch/read.js'
import { type ArchiveOptions, buildArchive, type TestEntry } from './archive.js'
import { call, dictionary, global, integer, NO, pickle, storage, tensor, text, tuple } from './picklePieces.js'
import { withTemporaryDirectory } from '../temporary.js'

const temporary = withTemporaryDirectory()
const FOUR = { elements: 4, shape: [4], strides: [1] }
const VALUES = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer)
const GOOD = pickle(dictionary(text('a'), tensor(FOUR)))

const DATA: TestEntry = { name: 'm/data/0', data: VALUES }
const entries = (data: Uint8Array, ...more: TestEntry[]): TestEntry[] => [{ name: 'm/data.pkl', data }, DATA, ...more]

async function openArchive(parts: readonly TestEntry[], options?: ArchiveOptions): Promise<PytorchFile> {
  return await openBytes(buildArchive(parts, options))
}

async function openBytes(bytes: Uint8Array): Promise<PytorchFile> {
  const path = temporary('hostile.pth')
  await writeFile(path, bytes)
  return await PytorchFile.open(path)
}

async function expectRefusal(opening: Promise<PytorchFile>, message: RegExp): Promise<void> {
  const error = await opening.catch((error: unknown) => error)
  expect(error).toBeInstanceOf(WeightsError)
  expect((error as Error).message).toMatch(message)
}

describe('the archive', () => {
  it.each<[string, ArchiveOptions]>([
    ['plain', {}],
    ['with 64-bit fields', { zip64: true }],
    ['with a comment that looks like an end record', { comment: 'PK\x05\x06 and more text after it' }],
  ])('is read %s', async (_, options) => {
    await using file = await openArchive(entries(GOOD), options)
    expect([...(await file.readFloat32('a'))]).toEqual([1, 2, 3, 4])
  })

  it.each<[string, TestEntry[], ArchiveOptions, RegExp]>([
    [
      'a compressed entry',
      entries(GOOD, { name: 'm/x', data: VALUES, method: 8 }),
      {},
      /"m\/x" is compressed \(method 8\)/,
    ],
    ['an encrypted entry', entries(GOOD, { name: 'm/x', data: VALUES, flags: 1 }), {}, /"m\/x" is encrypted/],
    ['a name held twice', entries(GOOD, DATA), {}, /holds "m\/data\/0" twice/],
    [
      'a size beyond the file',
      entries(GOOD, { name: 'm/x', data: VALUES, size: 1e9 }),
      {},
      /said to have 1000000000 bytes/,
    ],
    [
      'an absurd 64-bit size',
      entries(GOOD, { name: 'm/x', data: VALUES, size: 2 ** 60 }),
      { zip64: true },
      /said to have/,
    ],
    [
      'two sizes',
      entries(GOOD, { name: 'm/x', data: VALUES, storedSize: 3 }),
      {},
      /stored in 3 bytes but is said to have 16/,
    ],
    [
      'entries over each other',
      entries(GOOD, { name: 'm/x', data: VALUES, headerOffset: 0 }),
      {},
      /lies over the entry/,
    ],
    [
      'an entry without a header',
      entries(GOOD, { name: 'm/x', data: VALUES, headerOffset: 1 }),
      {},
      /no header at byte 1/,
    ],
    ['a wrong count', entries(GOOD), { entries: 5 }, /claims 5 entries but holds 2/],
    ['no pickle', [DATA], {}, /expected one data\.pkl in the archive, found 0/],
    ['two pickles', entries(GOOD, { name: 'n/data.pkl', data: GOOD }), {}, /expected one data\.pkl .* found 2/],
    ['TorchScript', entries(GOOD, { name: 'm/constants.pkl', data: GOOD }), {}, /TorchScript program/],
    ['big-endian values', entries(GOOD, { name: 'm/byteorder', data: Buffer.from('big') }), {}, /archive says big/],
  ])('is refused with %s', (_, parts, options, message) => expectRefusal(openArchive(parts, options), message))

  it('is refused without its end, or where the end records point beyond it', async () => {
    const whole = buildArchive(entries(GOOD))
    await expectRefusal(openBytes(whole.subarray(0, -1)), /no end record; the file is truncated/)
    const wrong = Buffer.from(whole)
    wrong.writeUInt32LE(whole.length, whole.length - 6)
    await expectRefusal(openBytes(wrong), /must end before byte/)
    const wide = buildArchive(entries(GOOD), { zip64: true })
    wide.writeBigUInt64LE(2n ** 63n, wide.length - 22 - 12)
    await expectRefusal(openBytes(wide), /zip64 end record is said to be at byte/)
  })
})

describe('the pickle', () => {
  const refused = (data: Uint8Array, message: RegExp) => expectRefusal(openArchive(entries(data)), message)
  const withTensor = (value: Uint8Array) => pickle(dictionary(text('a'), value))

  it.each<[string, Uint8Array, RegExp]>([
    ['os.system', withTensor(call(global('os', 'system'), text('true'))), /names os\.system, which is refused/],
    ['builtins.eval', withTensor(call(global('builtins', 'eval'), text('1'))), /names builtins\.eval/],
    ['a storage type of another module', withTensor(global('os', 'FloatStorage')), /names os\.FloatStorage/],
    ['a global with a special name', withTensor(global('__proto__', 'constructor')), /names __proto__\.constructor/],
    [
      'a call of a value',
      withTensor(Buffer.concat([text('x'), tuple(), Buffer.from('R')])),
      /calls what is no allowed/,
    ],
    ['an object of a class', pickle(global('collections', 'OrderedDict'), tuple(), Buffer.of(0x81)), /opcode 0x81/],
    ['state of what is no dictionary', pickle(text('x'), '}', 'b'), /state of what is no dictionary/],
    ['a value that is not there', pickle('}', 's'), /a value that is not there/],
    ['a mark that is not there', pickle('t'), /a mark that is not there/],
    ['a memo that was never kept', pickle('h', Buffer.of(3)), /recalls value 3/],
    ['values left over', pickle('}', '}'), /values left over/],
    ['no end', GOOD.subarray(0, -1), /cut off/],
    ['a string that is cut off', pickle('X', Buffer.of(255, 255, 255, 127)), /cut off/],
    ['another protocol', Buffer.of(0x80, 9, 0x7d, 0x2e), /protocol 9 is not known/],
  ])('is refused with %s', (_, data, message) => refused(data, message))

  it.each<[string, Uint8Array, RegExp]>([
    ['a storage that is not there', tensor({ ...FOUR, key: '7' }), /storage "7" is not in the archive/],
    ['a path as storage', tensor({ ...FOUR, key: '../data.pkl' }), /storage "\.\.\/data\.pkl" is not in the archive/],
    ['a storage of another size', tensor({ ...FOUR, elements: 5 }), /5 F32 values, 20 bytes, but has 16/],
    ['a storage of absurd size', tensor({ ...FOUR, elements: 2 ** 52 }), /but has 16/],
    ['a negative offset', tensor({ ...FOUR, offset: -1 }), /without storage, offset, shape or strides/],
    ['an offset beyond the storage', tensor({ ...FOUR, offset: 1 }), /from element 1 on, beyond its storage of 4/],
    ['an empty tensor beyond the storage', tensor({ elements: 4, offset: 9, shape: [0], strides: [1] }), /beyond/],
    ['a shape beyond the storage', tensor({ ...FOUR, shape: [5] }), /a tensor \[5\] .* beyond its storage/],
    ['an absurd shape', tensor({ elements: 4, shape: [2 ** 40, 2 ** 40], strides: [0, 0] }), /repeats its storage/],
    ['strides beyond the storage', tensor({ ...FOUR, strides: [2] }), /with strides \[2\] .* beyond/],
    ['negative strides', tensor({ ...FOUR, strides: [-1] }), /without storage/],
    ['fewer strides than dimensions', tensor({ ...FOUR, strides: [] }), /beyond its storage|strides \[\]/],
    ['a tensor without storage', call(global('torch._utils', '_rebuild_tensor_v2'), integer(1), NO), /without storage/],
    ['a parameter without tensor', call(global('torch._utils', '_rebuild_parameter'), NO), /parameter of what is no/],
    ['a storage without type', Buffer.concat([tuple(text('storage'), NO), Buffer.from('Q')]), /no storage of a tensor/],
    ['a storage beside a tensor', Buffer.concat([storage('FloatStorage', '0', 3)]), /but has 16/],
    ['pairs that are none', call(global('collections', 'OrderedDict'), text('ab')), /OrderedDict of what are no pairs/],
  ])('is refused with %s', (_, value, message) => refused(withTensor(value), message))

  it('is refused without tensors, or with weights in two places', async () => {
    await refused(pickle(dictionary(text('step'), integer(1))), /no tensors in the checkpoint.*its keys are step/)
    const weights = dictionary(text('a'), tensor(FOUR))
    await refused(pickle(dictionary(text('model'), weights, text('state_dict'), weights)), /under model and state_dict/)
    await refused(pickle(dictionary(integer(1), tensor(FOUR))), /a key of the state dict is no string/)
  })

  it('keeps names that are special to JavaScript', async () => {
    await using file = await openArchive(entries(pickle(dictionary(text('__proto__'), tensor(FOUR)))))
    expect([...file.tensors.keys()]).toEqual(['__proto__'])
  })
})

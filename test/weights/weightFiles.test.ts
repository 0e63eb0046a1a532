import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { WeightsError } from '../../src/errors.js'
import { openTensors, SAFETENSORS_FILES } from '../../src/weights/openTensors.js'
import { WeightFiles } from '../../src/weights/weightFiles.js'
import { checkTensors, loadStrict } from '../../src/weights/safetensors/strict.js'
import { writeSafetensors } from '../../src/weights/safetensors/write.js'
import { writeCheckpoint } from '../frozen/checkpointFile.js'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'shards-'))
})
afterAll(() => rm(root, { recursive: true }))

/** A directory whose files hold one float each: { 'x.safetensors': { name: value } }. */
async function makeDirectory(name: string, files: Record<string, Record<string, number>>, index?: unknown) {
  const path = join(root, name)
  await mkdir(path)
  for (const [file, tensors] of Object.entries(files)) {
    const entries = Object.entries(tensors).map(
      ([tensor, value]) => [tensor, { shape: [1], data: Float32Array.of(value) }] as const,
    )
    await writeSafetensors(join(path, file), new Map(entries))
  }
  if (index !== undefined) await writeFile(join(path, 'model.safetensors.index.json'), JSON.stringify(index))
  return path
}

describe('WeightFiles', () => {
  it('shows every file of the directory as one table', async () => {
    const path = await makeDirectory('plain', { 'b.safetensors': { two: 2 }, 'a.safetensors': { one: 1 } })
    await using table = await WeightFiles.open(path, SAFETENSORS_FILES)
    expect([...table.tensors.keys()]).toEqual(['one', 'two'])
    expect(await table.readFloat32('two')).toEqual(Float32Array.of(2))
    expect((await table.readRaw('one')).byteLength).toBe(4)
    expect(table.tensor('one').file).toBe(join(path, 'a.safetensors'))
    expect(() => table.tensor('three')).toThrow(WeightsError)
  })

  it('opens only the shards of an index', async () => {
    const files = { 'm-1.safetensors': { one: 1 }, 'm-2.safetensors': { two: 2 }, 'other.safetensors': { one: 9 } }
    const index = { weight_map: { one: 'm-1.safetensors', two: 'm-2.safetensors' } }
    await using table = await WeightFiles.open(await makeDirectory('indexed', files, index), SAFETENSORS_FILES)
    expect(await table.readFloat32('one')).toEqual(Float32Array.of(1))
  })

  it.each([
    ['a name in two files', { 'a.safetensors': { one: 1 }, 'b.safetensors': { one: 2 } }, undefined, /in a.* and in b/],
    ['no file', {}, undefined, /no \.safetensors file/],
    ['an index without a map', { 'a.safetensors': { one: 1 } }, {}, /no weight_map/],
    ['a shard that is not there', {}, { weight_map: { one: 'a.safetensors' } }, /a\.safetensors: cannot open/],
    [
      'a tensor that is elsewhere',
      { 'a.safetensors': { one: 1 } },
      { weight_map: { two: 'a.safetensors' } },
      /not there/,
    ],
    ['a path out of the directory', {}, { weight_map: { one: '../a.safetensors' } }, /in the same directory/],
    ['an absolute path', {}, { weight_map: { one: '/tmp/a.safetensors' } }, /in the same directory/],
    ['a path of another system', {}, { weight_map: { one: '..\\a.safetensors' } }, /in the same directory/],
    ['another kind of file', {}, { weight_map: { one: 'a.bin' } }, /expected the name of a \.safetensors file/],
    ['a shard that is no text', {}, { weight_map: { one: 3 } }, /said to be in 3/],
    ['an index without names', { 'a.safetensors': { one: 1 } }, { weight_map: {} }, /no weight_map/],
    [
      'a tensor in another shard than the index says',
      { 'a.safetensors': { one: 1 }, 'b.safetensors': { two: 2 } },
      { weight_map: { one: 'b.safetensors', two: 'a.safetensors' } },
      /says tensor "one" is in b\.safetensors, but it is not there/,
    ],
    [
      'a name in two shards of the index',
      { 'a.safetensors': { one: 1, two: 1 }, 'b.safetensors': { two: 2 } },
      { weight_map: { one: 'a.safetensors', two: 'b.safetensors' } },
      /"two" is in a.* and in b/,
    ],
  ])('refuses %s', async (name, files, index, message) => {
    const path = await makeDirectory(name.replaceAll(' ', '-'), files, index)
    await expect(WeightFiles.open(path, SAFETENSORS_FILES)).rejects.toThrow(WeightsError)
    await expect(WeightFiles.open(path, SAFETENSORS_FILES)).rejects.toThrow(message)
  })

  it('refuses an index that is no JSON, or names a tensor twice', async () => {
    const path = await makeDirectory('index-text', { 'a.safetensors': { one: 1 } })
    const index = join(path, 'model.safetensors.index.json')
    await writeFile(index, '{"weight_map": ')
    await expect(WeightFiles.open(path, SAFETENSORS_FILES)).rejects.toThrow(/index is not valid JSON/)
    await writeFile(index, '{"weight_map": {"one": "b.safetensors", "one": "a.safetensors"}}')
    await expect(WeightFiles.open(path, SAFETENSORS_FILES)).rejects.toThrow(/holds the key "one" twice/)
    await expect(WeightFiles.open(path, SAFETENSORS_FILES)).rejects.toBeInstanceOf(WeightsError)
  })

  it('refuses a directory that is not there', async () => {
    await expect(WeightFiles.open(join(root, 'absent'), SAFETENSORS_FILES)).rejects.toThrow(WeightsError)
  })
})

describe('loadStrict', () => {
  it('reads what is wanted, in place where asked', async () => {
    const path = await makeDirectory('strict', { 'a.safetensors': { one: 1, two: 2, 'position_ids.0': 0 } })
    await using table = await WeightFiles.open(path, SAFETENSORS_FILES)
    const into = new Float32Array(1)
    const loaded = await loadStrict(
      table,
      new Map([
        ['one', { shape: [1] }],
        ['two', { shape: [1], into }],
      ]),
      { ignore: [/^position_ids/] },
    )
    expect(loaded.get('one')).toEqual(Float32Array.of(1))
    expect(loaded.get('two')).toBe(into)
    expect(into[0]).toBe(2)
  })

  it('lists missing, unexpected and wrongly shaped tensors in one error', async () => {
    const path = await makeDirectory('wrong', { 'a.safetensors': { one: 1, two: 2, more: 3 } })
    await using table = await WeightFiles.open(path, SAFETENSORS_FILES)
    const wanted = new Map([
      ['one', [1, 1]],
      ['three', [1]],
      ['four', [1]],
    ])
    expect(() => checkTensors(table, wanted, { maxListed: 1, ignore: ['two'] })).toThrow(
      [
        `${path}: the weights do not fit the model`,
        '  missing (2): three, and 1 more',
        '  unexpected (1): more',
        '  wrong shape (1): one (expected [1, 1], found [1])',
      ].join('\n'),
    )
  })
})

it('PyTorch’s shards with their index are one table, whatever other files lie beside them', async () => {
  const path = join(root, 'pytorch')
  await mkdir(path)
  const shard = (name: string, value: number) => new Map([[name, { shape: [1], data: Float32Array.of(value) }]])
  await writeCheckpoint(join(path, 'pytorch_model-00001-of-00002.bin'), shard('one', 1))
  await writeCheckpoint(join(path, 'pytorch_model-00002-of-00002.bin'), shard('two', 2))
  await writeFile(join(path, 'training_args.bin'), 'no weights')
  const map = { one: 'pytorch_model-00001-of-00002.bin', two: 'pytorch_model-00002-of-00002.bin' }
  await writeFile(join(path, 'pytorch_model.bin.index.json'), JSON.stringify({ weight_map: map }))
  await using table = await openTensors(path)
  expect([...table.tensors.keys()]).toEqual(['one', 'two'])
  expect(await table.readFloat32('two')).toEqual(Float32Array.of(2))
})

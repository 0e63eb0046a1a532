import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { parity } from './cli.js'
import { compare } from './compare.js'
import { readFixture } from './fixture.js'
import { runFixture } from './run.js'

const golden = (name: string) => fileURLToPath(new URL(`../fixtures/golden/${name}`, import.meta.url))

describe('parity with the authors’ code', () => {
  it.each([
    ['qformer-modes', 39],
    ['stage1-losses', 290],
    ['stage1-two-ranks', 145],
    ['clip-vit', 8],
    ['opt', 18],
    ['stage2-opt', 190],
    ['optimizer', 292],
    ['eva-vit', 8],
    ['t5', 29],
    ['stage2-t5', 96],
    ['stage1-extra', 15],
    ['processors', 8],
    ['metrics', 34],
  ])('%s', async (name, tensors) => {
    const fixture = await readFixture(golden(name))
    const lines = compare(fixture, await runFixture(fixture))
    expect(lines.filter(({ ok }) => !ok)).toEqual([])
    expect(lines).toHaveLength(tensors)
  })
})

describe('the parity command', () => {
  let directory: string
  let printed: string[]
  const output = {
    log: (line: string) => printed.push(line),
    error: (line: string) => printed.push(line),
  }
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'blip2-parity-'))
    printed = []
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('exits with 0 and a line for each tensor when all agree', async () => {
    expect(await parity([golden('clip-vit'), golden('optimizer')], output)).toBe(0)
    expect(printed).toHaveLength(2 + 8 + 292 + 1)
    expect(printed).toContain('clip-vit: 8 of 8 tensors agree')
    expect(printed.at(-1)).toBe('parity: all fixtures agree')
  })

  it('exits with 1 when one value is off, and says which tensor and by how much', async () => {
    await cp(golden('clip-vit'), directory, { recursive: true })
    await addToFirstValue(join(directory, 'expected.safetensors'), 'block.1', 0.5)
    expect(await parity([directory], output)).toBe(1)
    const failures = printed.filter((line) => line.includes('FAIL'))
    expect(failures).toHaveLength(1)
    expect(failures[0]).toMatch(/block\.1 +activation +abs 5\.00e-1/)
    expect(printed.at(-1)).toBe('parity: 1 of 1 fixtures differ')
  })

  it('says in one line that it does not know a kind of fixture', async () => {
    await cp(golden('clip-vit'), directory, { recursive: true })
    await cp(join(directory, 'inputs.safetensors'), join(directory, 'expected.safetensors'))
    expect(await parity([directory], output)).toBe(1)
    expect(printed).toHaveLength(2)
    expect(printed[0]).toMatch(/no model here computes this kind of fixture/)
  })

  it('says in one line that there is no such directory, and runs the others', async () => {
    expect(await parity([join(directory, 'absent'), golden('clip-vit')], output)).toBe(1)
    expect(printed[0]).toMatch(/absent: ENOENT/)
    expect(printed).toContain('clip-vit: 8 of 8 tensors agree')
    expect(printed.at(-1)).toBe('parity: 1 of 2 fixtures differ')
  })

  it('exits with 2 when no directory is given', async () => {
    expect(await parity([], output)).toBe(2)
  })
})

async function addToFirstValue(path: string, name: string, amount: number): Promise<void> {
  const offset = await byteOffset(path, name)
  const bytes = await readFile(path)
  bytes.writeFloatLE(bytes.readFloatLE(offset) + amount, offset)
  await writeFile(path, bytes)
}

async function byteOffset(path: string, name: string): Promise<number> {
  await using file = await SafetensorsFile.open(path)
  return file.tensor(name).byteOffset
}

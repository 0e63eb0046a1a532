import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openGraphWeights } from '../../src/weights/graphWeights.js'
import { ownNames } from '../../src/weights/names/layout.js'
import { planWeights } from '../../src/weights/names/plan.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { writeSafetensors } from '../../src/weights/safetensors/write.js'
import { withTemporaryDirectory } from './temporary.js'

const path = withTemporaryDirectory()

it.each([
  ['float32', undefined],
  ['quantized', () => 8 as const],
] as const)('converts to %s once where several open one model at a time', async (folder, bits) => {
  const matrix = { shape: [8, 64], data: Float32Array.from({ length: 512 }, (_, i) => Math.sin(i)) }
  await writeSafetensors(path('half.safetensors'), new Map([['matrix', { ...matrix, dtype: 'F16' as const }]]))
  const cacheDirectory = path(`cache-${folder}`)
  const conversions: number[] = []
  const open = async (caller: number) => {
    await using file = await SafetensorsFile.open(path('half.safetensors'))
    const plan = planWeights(file, ownNames, new Map([['matrix', [8, 64]]]))
    return await openGraphWeights(file, plan, {
      weights: 'mapped',
      cacheDirectory,
      ...(bits ? { bits } : {}),
      onConversion: ({ done }) => {
        if (done === 0) conversions.push(caller)
      },
    })
  }
  const opened = await Promise.all([0, 1, 2].map(open))
  expect(conversions).toHaveLength(1)
  for (const { weight } of opened) expect(weight('matrix').kind).toMatch(/external|quantized/)
  const names = await readdir(join(cacheDirectory, folder))
  expect(names.filter((name) => !name.endsWith('.safetensors'))).toEqual([])
  await open(3)
  expect(conversions).toHaveLength(1)
})

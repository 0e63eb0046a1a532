import { expect, it } from 'vitest'
import { hashFrozen, hashWeights } from '../../../src/train/recipes/inputs.js'
import { frozenPart, loadPart } from '../../../src/train/recipes/parts.js'
import { readModelDirectory } from '../../../src/weights/modelDirectory.js'
import { SHIPPED_MODEL } from '../../../src/weights/shippedModel.js'

it('weights have the same hash when they are read one at a time', async () => {
  const directory = await readModelDirectory(SHIPPED_MODEL)
  const weights = await loadPart(directory, 'language')
  const hash = hashWeights(weights)
  expect(await hashFrozen(frozenPart(directory, 'language'))).toBe(hash)
  const [first] = weights.values()
  first!.data[0]! += 1
  expect(hashWeights(weights)).not.toBe(hash)
})

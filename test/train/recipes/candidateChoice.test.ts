import { expect, it } from 'vitest'
import { withCandidates, withItcWeight } from '../../../src/train/recipes/candidateChoice.js'
import { SHIPPED_MODEL } from '../../../src/weights/shippedModel.js'
import { readModelDirectory } from '../../../src/weights/modelDirectory.js'

it('a trained model picks candidates as its preset says, whatever the model picked whose sizes it has', async () => {
  const { config } = await readModelDirectory(SHIPPED_MODEL)
  const { itcWeight, ...plain } = withItcWeight(config, 'emoji')
  expect(itcWeight).toBeGreaterThan(1)
  expect(withItcWeight(config, 'paper-vit-l')).toEqual(plain)

  const chosen = withCandidates(plain, 'emoji', true)
  expect(chosen.generation.candidates).toBeGreaterThan(1)
  for (const written of [withCandidates(chosen, 'emoji', false), withCandidates(chosen, 'emoji-quick', true)])
    expect(written.generation).not.toHaveProperty('candidates')
})

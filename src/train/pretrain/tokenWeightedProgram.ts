import { mul } from '../../graph/index.js'
import type { DropoutSites } from '../../nn/dropout.js'
import type { Value } from '../../runtime/index.js'
import { RankDropoutMasks } from '../comm/rankDropoutMasks.js'
import { partsOf, type RankShare } from '../comm/rankShare.js'
import { accumulate } from '../optimizer/gradientAccumulation.js'
import { type ProgramOptions, type StepProgram, TrainingProgram } from '../program.js'
import { ownRows, partFeeds, tokenWeights } from './rankInputs.js'

/**
 * A step whose loss is a mean over tokens, shared by ranks and taken in passes: the mean is over the tokens of all of them,
 * and each has the dropout masks of its own samples. It is fed what `tokenWeightedInputs` gives.
 * @param options The graph of one pass.
 */
export async function tokenWeightedProgram(
  options: Omit<ProgramOptions, 'dropout' | 'terms'>,
  dropout: DropoutSites,
  share: RankShare,
  passes: number,
): Promise<StepProgram> {
  if (share.ranks * passes === 1) return TrainingProgram.create({ ...options, dropout })
  const parts = partsOf(share, passes)
  const weighted = mul(options.loss, options.graph.input('token_weight', 'float32', []))
  const program = await TrainingProgram.create({ ...options, loss: weighted })
  const masks = new RankDropoutMasks(options.seed, dropout.sites, parts[0]!)
  return {
    memory: program.memory,
    run: (step, feeds) =>
      accumulate(program.memory, passes, (part) =>
        program.run(step, { ...partFeeds(feeds, part, passes), ...masks.fill(step, parts[part]!.first) }),
      ),
    dispose: () => program.dispose(),
  }
}

/**
 * A rank's part of the inputs, with what its passes' means are multiplied by.
 * @param inputs Of the whole batch: [all, ...]
 * @param labels Of the whole batch, 1 where a token counts: [all, tokens]
 */
export function tokenWeightedInputs(
  inputs: Readonly<Record<string, Value>>,
  labels: Uint8Array,
  share: RankShare,
  passes: number,
): Record<string, Value> {
  if (share.ranks * passes === 1) return { ...inputs }
  const own = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, ownRows(value, share)]))
  return { ...own, token_weights: tokenWeights(labels, share, passes) }
}

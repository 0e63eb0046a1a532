import { DataError } from '../../src/errors.js'
import { clipVitCase } from './clipVit.js'
import { evaVitCase } from './evaVit.js'
import type { Fixture, Values } from './fixture.js'
import { metricsCase } from './metrics.js'
import { optCase } from './opt.js'
import { optimizerCase } from './optimizer.js'
import { processorsCase } from './processors.js'
import { qformerModes } from './qformerModes.js'
import { stage1Extra } from './stage1Extra.js'
import { stage1Losses } from './stage1Losses.js'
import { stage1TwoRanks } from './stage1TwoRanks.js'
import { stage2Opt } from './stage2Opt.js'
import { stage2T5Case } from './stage2T5.js'
import { t5Case } from './t5.js'

/** Each kind of fixture, known by a tensor that only it expects, so that directories may have any name. */
const CASES: readonly { readonly marker: string; readonly run: (fixture: Fixture) => Promise<Values> }[] = [
  { marker: 'a.last_hidden_state', run: qformerModes },
  { marker: 'itm.head_per_query', run: stage1Losses },
  { marker: 'rank0.loss', run: stage1TwoRanks },
  { marker: 'ln_pre', run: clipVitCase },
  { marker: 'right.logits', run: optCase },
  { marker: 'inputs_opt', run: stage2Opt },
  { marker: 'patch_embed', run: evaVitCase },
  { marker: 'ids.encoder', run: t5Case },
  { marker: 'inputs_t5', run: stage2T5Case },
  { marker: 'train.losses', run: stage1Extra },
  { marker: 'a.lr', run: optimizerCase },
  { marker: 'down.pixel_values', run: processorsCase },
  { marker: 'caption.corpus.CIDEr', run: metricsCase },
  { marker: 'vqa.overall', run: metricsCase },
]

/** Computes what the fixture expects. Throws a DataError for a kind that is not known. */
export async function runFixture(fixture: Fixture): Promise<Values> {
  const found = CASES.find(({ marker }) => marker in fixture.expected)
  if (!found)
    throw new DataError(
      `${fixture.name}: no model here computes this kind of fixture; known are those that expect ${CASES.map(({ marker }) => marker).join(', ')}`,
    )
  return found.run(fixture)
}

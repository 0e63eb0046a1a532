import { join } from 'node:path'
import { trainingConcepts } from '../../data/emoji/concepts.js'
import { languageCorpus } from '../../data/text/corpus.js'
import { Tokenizer } from '../../text/tokenizer.js'
import { writeModelDirectory } from '../../weights/modelDirectory.js'
import { refuseRanks } from '../comm/launcher.js'
import { train } from '../loop.js'
import { hashJson, withInputs } from '../recipes/inputs.js'
import { emojiModelConfig, emojiTokenizers } from '../recipes/modelConfig.js'
import { trainedWeights } from '../recipes/parts.js'
import { loopOptions, type RecipeOptions, stretchWarmup } from '../recipes/recipe.js'
import { instructions } from './instructions.js'
import { emojiT5 } from './presets.js'
import { t5Tokenizer } from './tokenizer.js'
import { t5Task } from './trainT5.js'

/** Times that captions of single drawings are in the corpus; instructions have the rest. */
const CAPTION_REPEATS = 20

/** `blip2 train t5`: a small language model in Flan-T5's form, from text alone. */
export async function trainT5(options: RecipeOptions): Promise<void> {
  refuseRanks('this training')
  const steps = options.steps ?? emojiT5.steps
  const warmupSteps = stretchWarmup(emojiT5.warmupSteps, emojiT5.steps, steps)
  const config = { ...emojiT5, steps, warmupSteps, seed: options.seed ?? emojiT5.seed }
  options.onStatus?.('reading the corpus ...')
  const { qformer, language: bpe } = emojiTokenizers()
  const tokenizers = { qformer, language: t5Tokenizer(bpe) }
  const corpus = languageCorpus({ seed: config.seed, captionRepeats: CAPTION_REPEATS })
  const concepts = trainingConcepts()
  await using opened = await t5Task(config, {
    tokenizer: Tokenizer.fromJson(tokenizers.language),
    corpus,
    instruct: instructions(concepts),
    ...(options.recompute === undefined ? {} : { recompute: options.recompute }),
  })
  const inputs = { tokenizer: hashJson(tokenizers.language), corpus: hashJson(corpus), concepts: hashJson(concepts) }
  const task = withInputs(opened, inputs)
  await train(task, loopOptions(options))
  await writeModelDirectory(join(options.out, 'model'), {
    config: { ...emojiModelConfig(tokenizers), language: { kind: 't5', ...config.language } },
    parts: { language: trainedWeights(task.program.memory) },
    tokenizers,
    card: "# A frozen language model in T5's form, trained by blip2\n",
  })
}

import { join } from 'node:path'
import { languageCorpus } from '../../data/text/corpus.js'
import { IMAGE_ENCODER } from '../../models/imageEncoder.js'
import { Tokenizer } from '../../text/tokenizer.js'
import { type ModelPart, writeModelDirectory } from '../../weights/modelDirectory.js'
import { refuseRanks } from '../comm/launcher.js'
import { emojiLanguage } from '../language/presets.js'
import { languageTask } from '../language/trainLanguage.js'
import { train } from '../loop.js'
import type { LoopSettings } from '../loopSettings.js'
import { featureStatistics } from '../vision/featureStatistics.js'
import { emojiVision } from '../vision/presets.js'
import { visionData, visionPictures, visionTask } from '../vision/trainVision.js'
import { hashDrawings, hashJson, withInputs } from './inputs.js'
import { checkpointBefore, restoreFrom } from './goOnFrom.js'
import { type EmojiTokenizers, emojiModelConfig, emojiTokenizers } from './modelConfig.js'
import { trainedWeights, type Weights } from './parts.js'
import { loopOptions, type RecipeOptions, stretchWarmup } from './recipe.js'

export interface FrozenModelOptions extends RecipeOptions {
  /** Training directory of the same kind whose weights are gone on from, with a new schedule; new weights otherwise. */
  readonly from?: string
  /** Peak of the schedule instead of the preset's. */
  readonly learningRate?: number
}

/** `blip2 train vision`: the small image encoder, from drawings and what they are of, without text. */
export async function trainVision(options: FrozenModelOptions): Promise<void> {
  refuseRanks('this training')
  const config = resolve(emojiVision, options)
  const before = await checkpointBefore(options.from)
  options.onStatus?.('reading the corpus ...')
  // Before the training, not at its end: the packages of the text corpus may be missing.
  const tokenizers = emojiTokenizers()
  options.onStatus?.('rendering the drawings (once) ...')
  const data = await visionData(config, {
    ...(options.cacheDir === undefined ? {} : { cacheDir: options.cacheDir }),
    ...(options.signal ? { signal: options.signal } : {}),
  })
  await using opened = await visionTask(config, data, programSettings(options))
  const task = withInputs(opened, {
    ...(await restoreFrom(before, opened)),
    pictures: hashDrawings(data, visionPictures(data)),
  })
  await train(task, loopOptions(options))
  const { memory } = task.program
  const encoder = trainedWeights(memory, (name) => name.startsWith(IMAGE_ENCODER))
  const vision = new Map([...encoder, ...(await featureStatistics(config, memory, data))])
  await writePart(options.out, { vision }, tokenizers)
}

/** Makes half of the text: a small model has to meet a name some dozens of times before a prompt can call it up. */
const CAPTION_REPEATS = 40
/** Without them the model has learned that nothing before `</s>` matters, where a soft prompt stands. */
const RECALL_REPEATS = 50

/** `blip2 train language`: the small language model, from text alone. */
export async function trainLanguage(options: FrozenModelOptions): Promise<void> {
  refuseRanks('this training')
  const config = resolve(emojiLanguage, options)
  const before = await checkpointBefore(options.from)
  options.onStatus?.('reading the corpus ...')
  const tokenizers = emojiTokenizers()
  const corpus = languageCorpus({
    seed: config.seed,
    captionRepeats: CAPTION_REPEATS,
    recallRepeats: RECALL_REPEATS,
  })
  await using opened = await languageTask(
    config,
    Tokenizer.fromJson(tokenizers.language),
    corpus,
    programSettings(options),
  )
  const task = withInputs(opened, {
    ...(await restoreFrom(before, opened)),
    tokenizer: hashJson(tokenizers.language),
    corpus: hashJson(corpus),
  })
  await train(task, loopOptions(options))
  await writePart(options.out, { language: trainedWeights(task.program.memory) }, tokenizers)
}

const programSettings = ({ recompute }: RecipeOptions) => (recompute === undefined ? {} : { recompute })

/** The preset with the command's own steps and seed. */
function resolve<C extends LoopSettings>(preset: C, options: FrozenModelOptions): C {
  const steps = options.steps ?? preset.steps
  const warmupSteps = stretchWarmup(preset.warmupSteps, preset.steps, steps)
  const peakLearningRate = options.learningRate ?? preset.peakLearningRate
  return { ...preset, steps, warmupSteps, peakLearningRate, seed: options.seed ?? preset.seed }
}

async function writePart(
  out: string,
  parts: Partial<Record<ModelPart, Weights>>,
  tokenizers: EmojiTokenizers,
): Promise<void> {
  const card = `# A frozen ${Object.keys(parts).join()} model trained by blip2\n`
  await writeModelDirectory(join(out, 'model'), { config: emojiModelConfig(tokenizers), parts, tokenizers, card })
}

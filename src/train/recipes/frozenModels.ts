import { join } from 'node:path'
import { Tokenizer } from '../../text/tokenizer.js'
import { type ModelPart, writeModelDirectory } from '../../weights/modelDirectory.js'
import { LANGUAGE_MODEL } from '../language/objective.js'
import { emojiLanguage } from '../language/presets.js'
import { languageTask } from '../language/trainLanguage.js'
import { train } from '../loop.js'
import { VISION_ENCODER } from '../vision/objective.js'
import { emojiVision } from '../vision/presets.js'
import { visionData, visionTask } from '../vision/trainVision.js'
import { emojiModelConfig, emojiTokenizers } from './modelConfig.js'
import { trainedWeights, type Weights } from './parts.js'
import { loopOptions, type RecipeOptions } from './recipe.js'

/** `blip2 train vision`: the small image encoder, from drawings and what they are of, without text. */
export async function trainVision(options: RecipeOptions): Promise<void> {
  const config = resolve(emojiVision, options)
  options.onStatus?.('rendering the drawings (once) ...')
  const data = await visionData(config, {
    ...(options.cacheDir === undefined ? {} : { cacheDir: options.cacheDir }),
    ...(options.signal ? { signal: options.signal } : {}),
  })
  const task = await visionTask(config, data)
  await train(task, loopOptions(options))
  await writePart(
    options.out,
    'vision',
    trainedWeights(task.program.memory, (name) => name.startsWith(VISION_ENCODER)),
  )
}

/** `blip2 train language`: the small language model, from text alone. */
export async function trainLanguage(options: RecipeOptions): Promise<void> {
  const config = resolve(emojiLanguage, options)
  options.onStatus?.('reading the corpus ...')
  const task = await languageTask(config, Tokenizer.fromJson(emojiTokenizers().language))
  await train(task, loopOptions(options))
  await writePart(
    options.out,
    'language',
    trainedWeights(task.program.memory, (name) => name.startsWith(LANGUAGE_MODEL)),
  )
}

/** The preset with the command's own steps and seed. */
function resolve<C extends { steps: number; warmupSteps: number; seed: number }>(preset: C, options: RecipeOptions): C {
  const steps = options.steps ?? preset.steps
  const warmupSteps = Math.round((preset.warmupSteps / preset.steps) * steps)
  return { ...preset, steps, warmupSteps, seed: options.seed ?? preset.seed }
}

async function writePart(out: string, part: ModelPart, weights: Weights): Promise<void> {
  const tokenizers = emojiTokenizers()
  const model = { config: emojiModelConfig(tokenizers), parts: { [part]: weights }, tokenizers }
  await writeModelDirectory(join(out, 'model'), { ...model, card: `# A frozen ${part} model trained by blip2\n` })
}

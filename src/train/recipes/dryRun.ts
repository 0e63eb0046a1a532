import { ConfigError } from '../../errors.js'
import { openLanguageModel } from '../../frozen/languageModel.js'
import type { ModelConfig } from '../../weights/modelDirectory.js'
import { isPaperPreset, PAPER_LANGUAGE_MODELS, paperModelConfig } from '../pretrain/paperPresets.js'
import type { PretrainPresetName } from '../pretrain/presets.js'
import { type Machine, thisMachine } from './machine.js'
import { newModel } from './newModel.js'
import { openTrained } from './parts.js'
import { type PretrainOptions, type PretrainSettings, pretrainSettings } from './pretrain.js'
import type { Stage } from './drawnTraining.js'
import { type Bytes, estimateTraining, type TrainingEstimate, total } from './trainingEstimate.js'

export interface DryRunOptions extends PretrainSettings, Pick<PretrainOptions, 'data' | 'out'> {
  readonly accumulate?: number
  readonly recompute?: boolean
  /** The frozen image encoder, as `openVisionModel` takes it (default: the preset's own, else the one that ships). */
  readonly vision?: string
  /** The BERT that the Q-Former starts from. */
  readonly bert?: string
  /** Training or model directory of stage 1, or 'none'. */
  readonly stage1?: string
  /** The frozen language model, as `openLanguageModel` takes it, or 'opt-2.7b' and the like for a preset of the paper. */
  readonly languageModel?: string
  /** How the frozen language model is computed (default: float32). */
  readonly languageDtype?: 'float32' | 'q8'
}

/** A training as it would be run, and what it would take. */
export interface TrainingPlan {
  readonly stage: Stage
  readonly preset: PretrainPresetName
  readonly data: string
  readonly out: string
  readonly settings: ReturnType<typeof pretrainSettings>
  readonly accumulate: number
  readonly recompute: boolean
  readonly model: Pick<ModelConfig, 'vision' | 'qformer' | 'embeddingWidth' | 'language' | 'text'>
  readonly estimate: TrainingEstimate
  readonly machine: Machine
  readonly seconds: number
  /** Why it cannot run here; empty where it can. */
  readonly problems: readonly string[]
}

/** The part of the rate of large products that a training step reaches (docs/log.md: 0.70 of the ceiling). */
const STEP_RATE = 0.7

/** Resolves a training of `blip2 pretrain` without running it. No weights are needed for the paper's presets. */
export async function planPretraining(stage: Stage, options: DryRunOptions): Promise<TrainingPlan> {
  const { preset, data, out, accumulate = 1, recompute = false, languageDtype = 'float32' } = options
  const config = await plannedModel(stage, options)
  const settings = pretrainSettings(options, stage, config.language.kind)
  const { distractors = 0 } = settings
  const { batch, steps } = settings.optimization
  const training = { stage, config, batch, steps, accumulate, recompute, distractors, languageDtype }
  const estimate = estimateTraining(training)
  const machine = await thisMachine(out)
  const { vision, qformer, embeddingWidth, language, text } = config
  return {
    ...{ stage, preset, data, out, settings, accumulate, recompute, estimate, machine },
    model: { vision, qformer, embeddingWidth, language, text },
    seconds: estimate.operations / (machine.rate * STEP_RATE),
    problems: [...memoryProblems(training, estimate, machine), ...diskProblems(estimate, machine)],
  }
}

async function plannedModel(stage: Stage, options: DryRunOptions): Promise<ModelConfig> {
  const { preset, vision, bert, stage1 = 'none', languageModel } = options
  const trained = stage === 'stage2' && stage1 !== 'none' ? (await openTrained(stage1)).config : undefined
  const known = Object.entries(PAPER_LANGUAGE_MODELS).find(([name]) => name === languageModel)?.[1]
  const directory = known ? undefined : languageModel
  if (isPaperPreset(preset) && vision === undefined && bert === undefined && !trained) {
    const language =
      known ?? (directory === undefined ? PAPER_LANGUAGE_MODELS['opt-2.7b'] : await languageOf(directory))
    return paperModelConfig(preset, language)
  }
  const config = trained ?? (await newModel(options)).config
  if (known) return { ...config, language: { ...known } }
  return directory === undefined ? config : { ...config, language: await languageOf(directory) }
}

const languageOf = async (model: string): Promise<ModelConfig['language']> => (await openLanguageModel(model)).config

function memoryProblems(
  training: Parameters<typeof estimateTraining>[0],
  { memory, fixedMemory }: TrainingEstimate,
  machine: Machine,
): string[] {
  const needed = total(memory)
  if (needed <= machine.memory) return []
  const problem = `it takes ${inGigabytes(needed)} of memory, this machine has ${inGigabytes(machine.memory)}`
  if (fixedMemory >= machine.memory)
    return [
      `${problem}; ${inGigabytes(fixedMemory)} of it is there however small the passes are: ${lighterModel(training)}`,
    ]
  const fits = (accumulate: number) =>
    total(estimateTraining({ ...training, accumulate, recompute: true }).memory) <= machine.memory
  const passes = fewest(passCounts(training.batch), fits)
  return [
    passes === undefined
      ? `${problem}, and one picture a pass is too much as well`
      : `${problem}; --accumulate ${passes} --recompute fits`,
  ]
}

const lighterModel = ({ stage, languageDtype }: Parameters<typeof estimateTraining>[0]): string =>
  stage === 'stage2' && languageDtype === 'float32'
    ? 'compute the language model in 8 bits (--language-dtype q8), or take a smaller one'
    : 'take a smaller encoder or language model'

function diskProblems({ disk }: TrainingEstimate, { freeDisk }: Machine): string[] {
  if (total(disk) <= freeDisk) return []
  return [`it writes ${inGigabytes(total(disk))}, ${inGigabytes(freeDisk)} are free: give another --out`]
}

/** Numbers of passes that share a batch evenly, fewest first. */
const passCounts = (batch: number): number[] =>
  Array.from({ length: batch }, (_, i) => i + 1).filter((passes) => batch % passes === 0)

/** The first number that fits, of numbers after which all others do. */
function fewest(numbers: readonly number[], fits: (number: number) => boolean): number | undefined {
  let [first, end] = [0, numbers.length]
  while (first < end) {
    const middle = (first + end) >> 1
    if (fits(numbers[middle]!)) end = middle
    else first = middle + 1
  }
  return numbers[first]
}

/** @throws ConfigError that says what does not fit. */
export function refuseWhatCannotFit({ stage, preset, problems }: TrainingPlan): void {
  if (problems.length > 0) throw new ConfigError(`${stage} of ${preset} cannot run here: ${problems.join('; ')}`)
}

/** The plan for a reader: the settings, then what they take. */
export function describePlan(plan: TrainingPlan): string {
  const { stage, preset, settings, estimate, machine, model } = plan
  const { batch, steps, schedule, betas, weightDecay, clipNorm, seed, augment } = settings.optimization
  const { parameters, memory, disk, operations } = estimate
  const { vision, qformer, language, text } = model
  const lines: [string, string][] = [
    ['preset', `${preset}, ${stage}`],
    ['data', plan.data],
    ['encoder', describeEncoder(vision, parameters.vision)],
    [
      'Q-Former',
      `${qformer.queries} queries, ${qformer.layers} layers x ${qformer.width}, ${millions(parameters.trained)} trained`,
    ],
    ...(stage === 'stage2'
      ? [
          ['language model', `${language.kind}, width ${language.width}, ${millions(parameters.language)} frozen`] as [
            string,
            string,
          ],
        ]
      : []),
    ['text', `${text.maxTokens} tokens`],
    [
      'batch',
      `${batch} in ${plan.accumulate} pass${plan.accumulate === 1 ? '' : 'es'}${plan.recompute ? ', layers computed again' : ''}`,
    ],
    ...(settings.distractors ? [['distractors', `${settings.distractors} captions`] as [string, string]] : []),
    [
      'steps',
      `${steps.toLocaleString('en')}, ${((batch * steps) / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} million pictures`,
    ],
    [
      'rate',
      `${schedule.start ?? 0} to ${schedule.peak} in ${schedule.warmupSteps} steps, then a cosine to ${schedule.minimum ?? 0}`,
    ],
    [
      'AdamW',
      `betas ${betas.join(', ')}, weight decay ${weightDecay}, ${clipNorm === undefined ? 'gradients not clipped' : `gradients clipped at ${clipNorm}`}`,
    ],
    ['dropout', String(settings.dropout)],
    ['augmentation', JSON.stringify(augment)],
    ['seed', String(seed)],
    ['memory', `${inGigabytes(total(memory))} of ${inGigabytes(machine.memory)}`],
    ...shares(memory),
    ['disk', `${inGigabytes(total(disk))} of ${inGigabytes(machine.freeDisk)} that are free`],
    ...shares(disk),
    [
      'arithmetic',
      `${(operations / 1e15).toLocaleString('en', { maximumSignificantDigits: 3 })} PFLOP at ${(machine.rate / 1e9).toFixed(0)} GFLOP/s x ${STEP_RATE}`,
    ],
    ['time', duration(plan.seconds)],
  ]
  const width = Math.max(...lines.map(([name]) => name.length))
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('')
}

const describeEncoder = (vision: ModelConfig['vision'], parameters: number): string =>
  vision.kind === 'onnx'
    ? `ONNX, ${vision.tokens} tokens x ${vision.width}, ${vision.imageSize} pixels; its own memory and time are not counted`
    : `${vision.kind}, ${vision.layers} layers x ${vision.width}, patches of ${vision.patchSize}, ${vision.imageSize} pixels, ${millions(parameters)} frozen`

const shares = (bytes: Bytes): [string, string][] =>
  Object.entries(bytes).map(([name, value]) => [`  ${name}`, inGigabytes(value)])

const millions = (count: number): string => `${(count / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} M`

const inGigabytes = (bytes: number): string =>
  `${(bytes / 1e9).toLocaleString('en', { maximumSignificantDigits: 3 })} GB`

function duration(seconds: number): string {
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86_400]
  if (days >= 3) return `${days.toLocaleString('en', { maximumFractionDigits: 0 })} days`
  if (hours >= 2) return `${hours.toFixed(1)} hours`
  return minutes >= 1 ? `${minutes.toFixed(0)} minutes` : `${seconds.toFixed(0)} seconds`
}

import { type EmojiData, type EmojiPicture, loadEmojiData } from '../../data/emoji/dataset.js'
import type { EmojiSplit } from '../../data/emoji/splits.js'
import { MAIN_VENDORS, type VendorId } from '../../data/emoji/vendors.js'
import { nearestNeighbourRecall } from '../../eval/nearestNeighbour.js'
import { Graph } from '../../graph/index.js'
import type { AugmentOptions } from '../../image/augment.js'
import type { ClipVitConfig } from '../../models/vit.js'
import type { TrainingTask } from '../loop.js'
import { type LoopSettings, loopSettings } from '../loopSettings.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { type ProgramOptions, TrainingProgram } from '../program.js'
import { type Drawings, visionBatches, visionLabels } from './batches.js'
import { columnStatistics } from './columnStatistics.js'
import { DrawingEncoder } from './drawingEncoder.js'
import { initializeMimetic } from './mimeticInitialization.js'
import { pictureVectors, type VisionObjectiveOptions, visionObjective } from './objective.js'

export interface VisionTrainingConfig extends LoopSettings {
  readonly vision: ClipVitConfig
  /** Mean and standard deviation that pictures are normalised with. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /** Styles besides the ten vendors, for training only. */
  readonly extraVendors: readonly VendorId[]
  readonly augment: Omit<AugmentOptions, 'size' | 'mean' | 'std'>
  /** Cosines are multiplied by this before the softmax over concepts. */
  readonly scale: number
  readonly labelSmoothing: number
  /** Parts of the loss. */
  readonly weights: VisionObjectiveOptions['weights']
  readonly classToken: number
  readonly validateEvery: number
}

/** Supervised pre-training of the small ViT on drawings of the train split, chosen on the validation splits. */
export async function visionTask(
  config: VisionTrainingConfig,
  data: Drawings,
  settings: Pick<ProgramOptions, 'recompute'> = {},
): Promise<TrainingTask> {
  const { vision, batch, seed } = config
  const pictures = visionPictures(data)
  const labels = visionLabels(pictures)
  const graph = new Graph()
  const { scope, loss, terms } = visionObjective(graph, vision, {
    batch,
    classes: labels.classes,
    weights: config.weights,
    classToken: config.classToken,
    scale: config.scale,
    labelSmoothing: config.labelSmoothing,
  })
  const program = await TrainingProgram.create({ graph, loss, terms, specs: scope.specs, seed, ...settings })
  initializeMimetic(program.memory, vision, seed)
  const augment = { ...config.augment, size: vision.imageSize, mean: config.mean, std: config.std }
  return {
    config: { kind: 'vision', ...config },
    program,
    ...loopSettings(config),
    feeds: visionBatches(data, pictures, labels, { batch, seed, augment }),
    validation: {
      every: config.validateEvery,
      run: async () => {
        const { recallAt1 } = await nearestNeighbour(config, program.memory, data, 'val-style')
        return { valStyleRecallAt1: recallAt1 }
      },
    },
    [Symbol.asyncDispose]: () => program.dispose(),
  }
}

/** What the encoder is trained on: the train split and the extra styles. */
export const visionPictures = (data: Drawings): EmojiPicture[] => [...data.split('train'), ...data.split('extra')]

/** Opens the data that a vision training needs. */
export const visionData = (
  { extraVendors }: VisionTrainingConfig,
  options: Omit<Parameters<typeof loadEmojiData>[0] & object, 'vendors'>,
): Promise<EmojiData> => loadEmojiData({ ...options, vendors: [...MAIN_VENDORS, ...extraVendors] })

/** Names base concepts of a split by the nearest drawing of the training vendors. */
export async function nearestNeighbour(
  config: VisionTrainingConfig,
  memory: ParameterMemory,
  data: Drawings,
  split: EmojiSplit,
) {
  await using encoder = await DrawingEncoder.create(config, memory, (p, tokens) =>
    pictureVectors(p, config.vision, tokens),
  )
  const describe = async (pictures: readonly EmojiPicture[]) => ({
    vectors: await encoder.encode(data, pictures),
    width: config.vision.width,
    captions: pictures.map(({ captions }) => captions),
  })
  const base = (name: EmojiSplit) => data.split(name).filter((picture) => picture.base)
  const [queries, gallery] = [await describe(base(split)), await describe(base('train'))]
  const standardize = standardizer(gallery.vectors, gallery.width)
  standardize(queries.vectors)
  standardize(gallery.vectors)
  return nearestNeighbourRecall(queries, gallery)
}

/** In training each value has mean 0 and variance 1 over the batch; here over the gallery. Works in place. */
function standardizer(gallery: Float32Array, width: number): (vectors: Float32Array) => void {
  const { mean, std } = columnStatistics(gallery, width)
  return (vectors) => {
    for (let i = 0; i < vectors.length; i++) vectors[i] = (vectors[i]! - mean[i % width]!) / std[i % width]!
  }
}

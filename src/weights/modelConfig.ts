import { z } from 'zod'
import { ConfigError } from '../errors.js'

const size = z.int().positive()
const fraction = z.number().positive()
const rgb = z.tuple([z.number(), z.number(), z.number()])

const optSchema = z.strictObject({
  kind: z.literal('opt'),
  vocabularySize: size,
  width: size,
  layers: size,
  heads: size,
  feedForward: size,
  maxPositions: size,
  layerNormEpsilon: fraction,
  /** Width of the token embeddings where it differs from the layers'. */
  embeddingWidth: size.exactOptional(),
  /** Norms behind the residuals, and none at the end: OPT-350M. */
  postNorm: z.boolean().exactOptional(),
})

const t5Schema = z.strictObject({
  kind: z.literal('t5'),
  vocabularySize: size,
  width: size,
  encoderLayers: size,
  decoderLayers: size,
  heads: size,
  headSize: size,
  feedForward: size,
  relativeBuckets: size,
  relativeMaxDistance: size,
  layerNormEpsilon: fraction,
  gelu: z.enum(['exact', 'tanh']),
})

/** The frozen encoder in CLIP's form or in EVA's, drawn here. */
const drawnVisionSchema = z.strictObject({
  kind: z.enum(['clip', 'eva']),
  imageSize: size,
  patchSize: size,
  width: size,
  layers: size,
  heads: size,
  feedForward: size,
  layerNormEpsilon: fraction,
  /** The weights hold the mean and deviation of every feature, which are taken out. */
  standardizedFeatures: z.boolean().default(false),
  /** Root mean square of the place codes that are added to them. */
  featurePlaces: z.number().min(0).default(0),
})

/** The frozen encoder as the ONNX file vision/model.onnx, which is run as it is. */
const onnxVisionSchema = z.strictObject({ kind: z.literal('onnx'), imageSize: size, tokens: size, width: size })

/** Directories that were written before there was a choice hold `kind`. */
const withKind =
  (kind: string) =>
  (part: unknown): unknown =>
    typeof part === 'object' && part !== null && !('kind' in part) ? { kind, ...part } : part

const modelConfigSchema = z
  .strictObject({
    format: z.literal('blip2'),
    version: z.literal(1),
    /** The frozen encoder, in CLIP's form (default) or in EVA's, or an ONNX file. */
    vision: z.preprocess(withKind('clip'), z.discriminatedUnion('kind', [drawnVisionSchema, onnxVisionSchema])),
    /** Mean and standard deviation that pixels in 0..1 are normalised with. */
    mean: rgb,
    std: rgb,
    qformer: z.strictObject({
      vocabularySize: size,
      width: size,
      layers: size,
      heads: size,
      feedForward: size,
      maxPositions: size,
      queries: size,
      encoderWidth: size,
      crossAttentionEvery: size,
      layerNormEpsilon: fraction,
    }),
    /** Epsilon of the trained LayerNorm on the encoder's output. */
    visionLayerNormEpsilon: fraction,
    /** Width of the space that pictures and texts share. */
    embeddingWidth: size,
    /**
     * Part of the ITC cosine in the score that candidates are re-ranked by: ITM logit + itcWeight x cosine. Default 1, as
     * the authors' code has it; the reciprocal of the temperature makes a logit of the cosine too.
     */
    itcWeight: z.number().nonnegative().exactOptional(),
    /** The frozen language model, in OPT's form (default) or in T5's. */
    language: z.preprocess(withKind('opt'), z.discriminatedUnion('kind', [optSchema, t5Schema])),
    text: z.strictObject({
      /** Tokens of a caption for the Q-Former, [CLS] and [SEP] included. */
      maxTokens: size,
      decoderToken: z.int().nonnegative(),
      padToken: z.int().nonnegative(),
    }),
    /** The Q-Former reads the question beside the picture (VQA fine-tuning, paper 4.3). Default: it sees the picture only. */
    questionToQFormer: z.boolean().exactOptional(),
    /** How captions are generated where the caller does not say otherwise. */
    generation: z.strictObject({
      /** Text in front of the caption. */
      prompt: z.string(),
      maxNewTokens: size,
      numBeams: size,
      lengthPenalty: z.number(),
      repetitionPenalty: fraction,
      /** Captions among which stage 1 picks the one that fits the picture best (default 1: it does not). */
      candidates: size.exactOptional(),
      /** Part of the language model's score in that choice (default 0): ITM logit + itcWeight x cosine + this x score. */
      languageWeight: z.number().nonnegative().exactOptional(),
      /** Tokens that end a text (default: the language model's own end, and OPT's line break). */
      endTokens: z.array(z.int().nonnegative()).exactOptional(),
    }),
  })
  .refine(({ vision, qformer }) => vision.width === qformer.encoderWidth, {
    error: 'must equal vision.width',
    path: ['qformer', 'encoderWidth'],
  })
  .refine(({ text, qformer }) => text.maxTokens <= qformer.maxPositions, {
    error: 'must not exceed qformer.maxPositions',
    path: ['text', 'maxTokens'],
  })

/** The config.json of a model directory. */
export type ModelConfig = z.infer<typeof modelConfigSchema>

/** The image encoder of a configuration, where it is drawn here. */
export type DrawnVision = Exclude<ModelConfig['vision'], { kind: 'onnx' }>

/** The language model of a configuration. */
export type OptLanguage = Extract<ModelConfig['language'], { kind: 'opt' }>
export type T5Language = Extract<ModelConfig['language'], { kind: 't5' }>

/** @throws ConfigError naming the fields that are wrong; `path` says where they were read. */
export function parseModelConfig(path: string, json: unknown): ModelConfig {
  return parseWith(modelConfigSchema, json, `${path} is not the configuration of a model`)
}

/** Checks JSON against a schema. @throws ConfigError that begins with `complaint` and names the fields that are wrong. */
export function parseWith<T extends z.ZodType>(schema: T, json: unknown, complaint: string): z.infer<T> {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`)
  throw new ConfigError(`${complaint}: ${problems.join('; ')}`)
}

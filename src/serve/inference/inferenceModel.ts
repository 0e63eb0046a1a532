import type { RawImage } from '../../image/decode.js'
import type { SimilarPicture } from '../../pictureIndex/pictureIndex.js'
import type { FoundPicture } from '../../pictureIndex/rerankFound.js'
import type { Answer, AskOptions, ChatOptions } from '../../tasks/answerer.js'
import type { Match } from '../../tasks/blip2.js'
import type { Caption, CaptionOptions } from '../../tasks/captioner.js'
import type { ChatMessage } from '../../tasks/promptTemplates.js'
import type { Ranked } from '../../tasks/rank.js'
import type { GeneratedText } from '../../tasks/textOptions.js'

/** What the server asks of a model: the input of one call, the options that a batch shares, the result of one input. */
export interface InferenceTasks {
  readonly caption: Task<{ readonly image: RawImage }, Shared<CaptionOptions>, Caption>
  readonly ask: Task<{ readonly image: RawImage; readonly question: string }, Shared<AskOptions>, Answer>
  readonly chat: Task<
    { readonly image: RawImage; readonly messages: readonly ChatMessage[] },
    Shared<ChatOptions>,
    Answer
  >
  readonly match: Task<{ readonly image: RawImage; readonly texts: readonly string[] }, NoOptions, readonly Match[]>
  /** -> [queries, embeddingWidth] */
  readonly embedImage: Task<{ readonly image: RawImage }, NoOptions, Float32Array>
  /** -> [embeddingWidth] */
  readonly embedText: Task<{ readonly text: string }, NoOptions, Float32Array>
  /** -> [queries, width of the Q-Former] */
  readonly embedMultimodal: Task<{ readonly image: RawImage; readonly text: string }, NoOptions, Float32Array>
  readonly attention: Task<{ readonly image: RawImage; readonly text?: string }, AttentionOptions, AttentionMap>
  readonly rankTexts: Task<
    { readonly image: RawImage; readonly texts: readonly string[] },
    RankingOptions,
    readonly Ranked[]
  >
  readonly rankImages: Task<
    { readonly text: string; readonly images: readonly RawImage[] },
    RankingOptions,
    readonly Ranked[]
  >
  /** The pictures of the index that fit a text; only with an index. */
  readonly searchIndex: Task<{ readonly text: string }, IndexOptions, readonly FoundPicture[]>
  /** The pictures of the index that are like a picture; only with an index. */
  readonly similarInIndex: Task<{ readonly image: RawImage }, Pick<IndexOptions, 'top'>, readonly SimilarPicture[]>
}

interface Task<Input, Options, Result> {
  readonly input: Input
  readonly options: Options
  readonly result: Result
}

type Shared<Options> = Omit<Options, 'signal'>
type NoOptions = Readonly<Record<never, never>>

export interface AttentionOptions {
  /** Layer of the Q-Former; default the last one with cross-attention. */
  readonly layer?: number
  /** Only what speaks for a match with the text (Grad-CAM). */
  readonly gradients?: boolean
}

export interface RankingOptions {
  /** Candidates by ITC that are scored by ITM. */
  readonly k: number
}

export interface IndexOptions {
  /** Pictures at most. */
  readonly top: number
  /** Best pictures by ITC that are ordered anew by ITM. */
  readonly rerank: number
}

/** Where the queries look, averaged over the heads of a layer. */
export interface AttentionMap {
  readonly rows: number
  readonly columns: number
  /** Of each query: [rows * columns] */
  readonly queries: readonly Float32Array[]
}

export type TaskName = keyof InferenceTasks
/** The tasks whose result can be streamed. */
export type TextTaskName = 'caption' | 'ask' | 'chat'
export type InputOf<T extends TaskName> = InferenceTasks[T]['input']
export type OptionsOf<T extends TaskName> = InferenceTasks[T]['options']
export type ResultOf<T extends TaskName> = InferenceTasks[T]['result']

export interface ModelInfo {
  /** Side of the square that pictures are resized to, in pixels. */
  readonly imageSize: number
  /** Vectors of a picture. */
  readonly queries: number
  /** Captions of which stage 1 picks one where nothing else is said; 1 where the language model's best is taken. */
  readonly candidates: number
  /** Pictures of the index, where one was opened with the model. */
  readonly indexed?: number
}

/** A model as the server uses it: in this thread or in one of its own. */
export interface InferenceModel {
  readonly info: ModelInfo
  /** One task for several inputs with the same options. -> a result for each */
  run<T extends TaskName>(
    task: T,
    inputs: readonly InputOf<T>[],
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): Promise<readonly ResultOf<T>[]>
  /** The text for one input in pieces; returns the whole. */
  stream<T extends TextTaskName>(
    task: T,
    input: InputOf<T>,
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): AsyncGenerator<string, GeneratedText>
  /** Resolves with the error that makes it unusable, if that ever happens. */
  readonly died: Promise<Error>
  dispose(): Promise<void>
}

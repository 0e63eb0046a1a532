export * from './errors.js'
export { DECODING_PRESETS, type DecodingPreset } from './generate/presets.js'
export type { ImageSource, RawImage } from './image/decode.js'
export type { Duplicate } from './pictureIndex/duplicates.js'
export {
  type IndexSearchOptions,
  PictureIndex,
  type SimilarPicture,
  type TextSearchOptions,
} from './pictureIndex/pictureIndex.js'
export type { FoundPicture } from './pictureIndex/rerankFound.js'
export type { IndexUpdate, UpdateOptions } from './pictureIndex/updateIndex.js'
export type { Device } from './runtime/devices.js'
export type { Answer, AskOptions, AskTask, ChatOptions, ChatTask } from './tasks/answerer.js'
export { type AttentionDrawingOptions, drawAttention } from './tasks/attentionDrawing.js'
export { meanMap, queryMaps } from './tasks/attentionMaps.js'
export type { LayerAttention, PictureAttention } from './tasks/attentionReader.js'
export type { ExecutionOptions } from './tasks/batchedFunction.js'
export { Blip2, type LoadOptions, type Match, type TaskOptions } from './tasks/blip2.js'
export type { Caption, CaptionOptions, CaptionTask } from './tasks/captioner.js'
export { EncodedImage, type ImageInput } from './tasks/imageEncoder.js'
export type { OutputFilter } from './tasks/outputFilter.js'
export type { ChatMessage } from './tasks/promptTemplates.js'
export { type Ranked, rankImages, rankTexts } from './tasks/rank.js'
export type { MatchLogits, Pair } from './tasks/retriever.js'
export type { GeneratedText, TextOptions } from './tasks/textOptions.js'
export type { ModelConfig } from './weights/modelDirectory.js'

export { type BootstrapOptions, bootstrapCaptions } from './capfilt/bootstrapCaptions.js'
export { type CapfiltOptions, type CapfiltResult, capfilt } from './capfilt/capfilt.js'
export type { CaptionSettings } from './capfilt/captionBatch.js'
export type { CandidateOptions, Captioner } from './capfilt/captioner.js'
export type { Histogram } from './capfilt/histogram.js'
export type { CapfiltProgress } from './capfilt/progress.js'
export type { Ranker } from './capfilt/ranker.js'
export type { CapfiltSummary } from './capfilt/statistics.js'
export type { DataSource } from './data/dataItem.js'
export type { LossLimits } from './data/loader/losses.js'
export { type OpenInputOptions, openInput } from './data/openInput.js'
export * from './errors.js'
export type { FrozenModels } from './frozen/authorsCheckpoint.js'
export type { GenerationOptions } from './generate/options.js'
export { DECODING_PRESETS, type DecodingPreset } from './generate/presets.js'
export type { ImageSource, RawImage } from './image/decode.js'
export type { RgbPicture } from './image/resize.js'
export type { Duplicate } from './pictureIndex/duplicates.js'
export {
  type IndexSearchOptions,
  PictureIndex,
  type SimilarPicture,
  type TextSearchOptions,
} from './pictureIndex/pictureIndex.js'
export type { FoundPicture } from './pictureIndex/rerankFound.js'
export type { IndexUpdate, UpdateOptions } from './pictureIndex/updateIndex.js'
export { LANGUAGE_DTYPES, type ModelDtype, VISION_DTYPES } from './quantize/weightBits.js'
export { DEVICES, type Device } from './runtime/devices.js'
export type { Answer, AskOptions, AskTask, ChatOptions, ChatTask } from './tasks/answerer.js'
export { type AttentionDrawingOptions, drawAttention } from './tasks/attentionDrawing.js'
export { meanMap, queryMaps } from './tasks/attentionMaps.js'
export type { LayerAttention, PictureAttention } from './tasks/attentionReader.js'
export type { ExecutionOptions } from './tasks/batchedFunction.js'
export {
  type AttentionOptions,
  Blip2,
  type Blip2Methods,
  type LoadOptions,
  type Match,
  type TaskOptions,
} from './tasks/blip2.js'
export type { Caption, CaptionOptions, CaptionTask } from './tasks/captioner.js'
export { EncodedImage, type ImageInput } from './tasks/imageEncoder.js'
export type { OneOrMany } from './tasks/oneOrMany.js'
export type { ModelOptions } from './tasks/openModel.js'
export type { OutputFilter } from './tasks/outputFilter.js'
export type { ChatMessage } from './tasks/promptTemplates.js'
export { type Ranked, type RankOptions, rankImages, rankTexts } from './tasks/rank.js'
export type { MatchLogits, Pair } from './tasks/retriever.js'
export type { GeneratedText, TextOptions } from './tasks/textOptions.js'
export { Blip2Thread } from './tasks/thread/blip2Thread.js'
export type { ConversionProgress, WeightPlacement } from './weights/graphWeights.js'
export type { DownloadProgress } from './weights/hub/pullModel.js'
export type { ModelConfig } from './weights/modelDirectory.js'

import type { LanguageConfig } from '../models/blip2.js'
import type { CompileOptions, Value } from '../runtime/index.js'
import type { EncodedBatch } from '../text/tokenizer.js'
import type { Decoder } from './decoder.js'
import { OptGenerator } from './optDecoder.js'
import { T5Generator } from './t5Decoder.js'

/** A language model that continues soft prompts. Dispose it when done. */
export interface LanguageGenerator {
  /** Where `decode` expects the padding of its texts. */
  readonly padSide: 'left' | 'right'
  /** Tokens in front of every text that rules against repetition count, as transformers does. */
  readonly promptTokens: readonly number[]
  /**
   * Opens what no prompt changes, where the weights are mapped. While the runtime repacks a part it holds it twice, so
   * the largest part is best opened while no other is: before the image encoder.
   */
  prepare(): Promise<void>
  /**
   * A decoder for one search. Several may be in use, for each has memory of its own, but they must not run at once.
   *
   * @param prompt soft prompts, float32 [rows, queries, width]
   * @param texts the tokens after each soft prompt, padded
   * @param maxNewTokens tokens of the new text at most
   */
  decode(prompt: Value, texts: EncodedBatch, maxNewTokens: number): Decoder
  dispose(): Promise<void>
}

export const languageGenerator = (config: LanguageConfig, options: CompileOptions): LanguageGenerator =>
  config.kind === 't5' ? new T5Generator(config, options) : new OptGenerator(config, options)

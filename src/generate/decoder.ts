/**
 * What a search asks of a language model. Logits are float32 [rows, vocabularySize]; the array belongs to the decoder
 * and is overwritten by its next call.
 */
export interface Decoder {
  readonly vocabularySize: number
  /** Scores of the first new token of each row. */
  start(): Promise<Float32Array>
  /**
   * Continues rows of the call before. Row i of the new call is row `parents[i]` of the last one followed by
   * `tokens[i]`, so beams can be reordered and finished rows dropped.
   */
  next(parents: readonly number[], tokens: readonly number[]): Promise<Float32Array>
}

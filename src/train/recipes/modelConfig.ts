import { languageCorpus } from '../../data/text/corpus.js'
import { trainTokenizers } from '../../data/text/tokenizers.js'
import { emojiQFormer } from '../../models/presets.js'
import { Tokenizer } from '../../text/tokenizer.js'
import type { TokenizerJson } from '../../text/tokenizerJson.js'
import type { ModelConfig } from '../../weights/modelDirectory.js'
import { emojiLanguage } from '../language/presets.js'
import { emojiVision } from '../vision/presets.js'

/** Longest caption of the embedded data set in WordPiece tokens, [CLS] and [SEP] included. */
const CAPTION_TOKENS = 20

export interface EmojiTokenizers {
  readonly qformer: TokenizerJson
  readonly language: TokenizerJson
}

/** The two vocabularies, learned from the text corpus; the same every time. */
export function emojiTokenizers(): EmojiTokenizers {
  const { wordPiece, bpe } = trainTokenizers({
    corpus: languageCorpus({ seed: emojiLanguage.seed }),
    bpeSize: emojiLanguage.language.vocabularySize,
  })
  return { qformer: wordPiece, language: bpe }
}

/** All sizes of models/emoji: 12 million parameters with both Q-Formers. */
export function emojiModelConfig(tokenizers: EmojiTokenizers): ModelConfig {
  const qformer = Tokenizer.fromJson(tokenizers.qformer)
  const { vision, mean, std } = emojiVision
  return {
    format: 'blip2',
    version: 1,
    vision: { kind: 'clip', ...vision, standardizedFeatures: true, featurePlaces: 0.7 },
    mean: [...mean],
    std: [...std],
    qformer: { ...emojiQFormer(qformer.size, vision.width) },
    visionLayerNormEpsilon: 1e-5,
    embeddingWidth: 256,
    language: { kind: 'opt', ...emojiLanguage.language },
    text: { maxTokens: CAPTION_TOKENS, decoderToken: qformer.idOf('[DEC]'), padToken: qformer.idOf('[PAD]') },
    generation: { prompt: '', maxNewTokens: 20, numBeams: 5, lengthPenalty: 0, repetitionPenalty: 1 },
  }
}

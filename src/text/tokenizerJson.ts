/** Hugging Face's `tokenizer.json`, as far as this package writes and reads it. */
export interface TokenizerJson {
  version: string
  truncation: unknown
  padding: unknown
  added_tokens: AddedTokenJson[]
  normalizer: Component | null
  pre_tokenizer: Component | null
  post_processor: Component | null
  decoder: Component | null
  model: Component & { vocab: unknown }
}

export interface AddedTokenJson {
  id: number
  content: string
  single_word: boolean
  lstrip: boolean
  rstrip: boolean
  normalized: boolean
  special: boolean
}

/** A part of the pipeline: its type and its settings. */
export interface Component {
  type: string
  [setting: string]: unknown
}

/** A token that text never makes by itself and that `decode` can leave out. */
export function specialToken(content: string, id: number): AddedTokenJson {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
}

/** A post-processor that puts special tokens around a text; `'$A'` stands for the text. */
export function templateProcessing(template: readonly string[], idOf: (token: string) => number): Component {
  const pieces = template.map((piece) =>
    piece === '$A' ? { Sequence: { id: 'A', type_id: 0 } } : { SpecialToken: { id: piece, type_id: 0 } },
  )
  const tokens = template.filter((piece) => piece !== '$A')
  return {
    type: 'TemplateProcessing',
    single: pieces,
    pair: [...pieces, { Sequence: { id: 'B', type_id: 1 } }, ...pieces.slice(template.indexOf('$A') + 1)],
    special_tokens: Object.fromEntries(
      tokens.map((token) => [token, { id: token, ids: [idOf(token)], tokens: [token] }]),
    ),
  }
}
